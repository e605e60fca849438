// SPDX-License-Identifier: GPL-2.0

// Part of every generated file: what a register's bits mean, and the macros that define it.

/// What 64 bits of a register mean.
pub trait Layout: Copy + Eq + fmt::Debug {
    /// Bits that read as zero today, and that software writes as zero.
    const RES0: u64;
    /// Bits that read as one today, and that software writes as one.
    const RES1: u64;
    /// Bits that may read as anything.
    const UNKN: u64;
    /// The fields, from the highest bit down.
    const FIELDS: &'static [Field];

    /// Takes a register's 64 bits as they are.
    fn from_raw(raw: u64) -> Self;

    /// The 64 bits.
    fn into_raw(self) -> u64;
}

/// Writes a register's value for a reader: the whole, and each field that is not zero.
fn describe(name: &str, fields: &[Field], raw: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}({raw:#x}")?;
    for field in fields.iter().filter(|field| field.get(raw) != 0) {
        match field.width() {
            1 => write!(f, " {}", field.name)?,
            _ => write!(f, " {}={:#x}", field.name, field.get(raw))?,
        }
    }
    f.write_str(")")
}

/// A value of a register: its masks, fields and accessors.
macro_rules! layout {
    (
        $(#[$meta:meta])*
        $name:ident, res0: $res0:literal, res1: $res1:literal, unkn: $unkn:literal;
        $( $msb:literal:$lsb:literal $field:ident $kind:ident $methods:tt $(: $type:ident)?; )*
        $( [$count:literal] $shape:ident $width:literal every $stride:literal
           $stem:ident $indexed:tt; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Bits that read as zero today, and that software writes as zero.
            pub const RES0: u64 = $res0;
            /// Bits that read as one today, and that software writes as one.
            pub const RES1: u64 = $res1;
            /// Bits that may read as anything.
            pub const UNKN: u64 = $unkn;
            $(
                #[doc = concat!("Bits ", $msb, ":", $lsb, ".")]
                pub const $field: Field = Field {
                    name: stringify!($field),
                    msb: $msb,
                    lsb: $lsb,
                };
            )*

            /// All fields zero, RES1 bits one: what to build a value from.
            #[inline]
            pub const fn new() -> Self {
                Self(Self::RES1)
            }

            /// Takes a register's 64 bits as they are.
            #[inline]
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The 64 bits.
            #[inline]
            pub const fn into_raw(self) -> u64 {
                self.0
            }

            $( accessors! { $kind $field $methods $msb:$lsb $($type)? } )*
            $( indexed! { $shape $stem $indexed $count $width $stride } )*
        }

        impl Layout for $name {
            const RES0: u64 = $res0;
            const RES1: u64 = $res1;
            const UNKN: u64 = $unkn;
            const FIELDS: &'static [Field] = &[$( Self::$field ),*];

            #[inline]
            fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            #[inline]
            fn into_raw(self) -> u64 {
                self.0
            }
        }

        impl Default for $name {
            #[inline]
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                describe(stringify!($name), Self::FIELDS, self.0, f)
            }
        }
    };
}

/// A field's getter and builders.
macro_rules! accessors {
    // Reached by its index.
    (element $field:ident () $msb:literal:$lsb:literal) => {};

    (flag $field:ident ($get:ident $with:ident) $msb:literal:$lsb:literal) => {
        #[doc = concat!(stringify!($field), ", bit ", $lsb, ".")]
        #[inline]
        pub const fn $get(self) -> bool {
            (self.0 >> $lsb) & 1 != 0
        }

        #[doc = concat!("This, with ", stringify!($field), ", bit ", $lsb, ", as given.")]
        #[inline]
        pub const fn $with(self, value: bool) -> Self {
            Self((self.0 & !(1 << $lsb)) | ((value as u64) << $lsb))
        }
    };

    (
        number $field:ident ($get:ident $with:ident $with_const:ident $try_with:ident)
        $msb:literal:$lsb:literal
    ) => {
        #[doc = concat!(stringify!($field), ", bits ", $msb, ":", $lsb, ".")]
        #[inline]
        pub const fn $get(self) -> Bits<{ $msb - $lsb + 1 }> {
            Bits::extract(self.0, $lsb)
        }

        #[doc = concat!("This, with ", stringify!($field), ", bits ", $msb, ":", $lsb, ", as given.")]
        #[inline]
        pub const fn $with(self, value: Bits<{ $msb - $lsb + 1 }>) -> Self {
            Self(value.insert(self.0, $lsb))
        }

        #[doc = concat!("This, with ", stringify!($field), ", bits ", $msb, ":", $lsb, ", = `VALUE`.")]
        ///
        /// The build fails if `VALUE` does not fit.
        #[inline]
        pub const fn $with_const<const VALUE: u64>(self) -> Self {
            self.$with(Bits::new::<VALUE>())
        }

        #[doc = concat!("This, with ", stringify!($field), ", bits ", $msb, ":", $lsb, ", = `value`.")]
        ///
        /// `None` if `value` does not fit.
        #[inline]
        pub const fn $try_with(self, value: u64) -> Option<Self> {
            match Bits::try_new(value) {
                Some(value) => Some(self.$with(value)),
                None => None,
            }
        }
    };

    (
        choice $field:ident ($get:ident $get_raw:ident $with:ident $with_raw:ident)
        $msb:literal:$lsb:literal $type:ident
    ) => {
        #[doc = concat!(stringify!($field), ", bits ", $msb, ":", $lsb, ".")]
        ///
        /// `None` if the value has no name.
        #[inline]
        pub const fn $get(self) -> Option<$type> {
            $type::from_bits(self.$get_raw())
        }

        #[doc = concat!(stringify!($field), ", bits ", $msb, ":", $lsb, ", as a number.")]
        #[inline]
        pub const fn $get_raw(self) -> Bits<{ $msb - $lsb + 1 }> {
            Bits::extract(self.0, $lsb)
        }

        #[doc = concat!("This, with ", stringify!($field), ", bits ", $msb, ":", $lsb, ", as given.")]
        #[inline]
        pub const fn $with(self, value: $type) -> Self {
            self.$with_raw(value.into_bits())
        }

        #[doc = concat!("This, with ", stringify!($field), ", bits ", $msb, ":", $lsb, ", as given.")]
        #[inline]
        pub const fn $with_raw(self, value: Bits<{ $msb - $lsb + 1 }>) -> Self {
            Self(value.insert(self.0, $lsb))
        }
    };

    (
        unsigned $field:ident
        ($get:ident $get_raw:ident $with:ident $with_raw:ident $at_least:ident)
        $msb:literal:$lsb:literal $type:ident
    ) => {
        accessors! { choice $field ($get $get_raw $with $with_raw) $msb:$lsb $type }

        #[doc = concat!("Whether ", stringify!($field), " says `least` or more.")]
        ///
        /// Later versions of the architecture add larger values, with or without a name here.
        #[inline]
        pub const fn $at_least(self, least: $type) -> bool {
            self.$get_raw().get() >= least.into_bits().get()
        }
    };

    (
        signed $field:ident
        ($get:ident $get_raw:ident $with:ident $with_raw:ident $at_least:ident)
        $msb:literal:$lsb:literal $type:ident
    ) => {
        accessors! { choice $field ($get $get_raw $with $with_raw) $msb:$lsb $type }

        #[doc = concat!("Whether ", stringify!($field), " says `least` or more, as signed numbers.")]
        ///
        /// Later versions of the architecture add larger values, with or without a name here.
        #[inline]
        pub const fn $at_least(self, least: $type) -> bool {
            self.$get_raw().signed() >= least.into_bits().signed()
        }
    };
}

/// Getter and builder of numbered fields.
macro_rules! indexed {
    (flag $stem:ident ($at:ident $with_at:ident) $count:literal $width:literal $stride:literal) => {
        #[doc = concat!(stringify!($stem), "<n>, 0 <= n < ", $count, "; otherwise `None`.")]
        #[inline]
        pub const fn $at(self, n: usize) -> Option<bool> {
            if n < $count {
                Some((self.0 >> (n * $stride)) & 1 != 0)
            } else {
                None
            }
        }

        #[doc = concat!(
                            "This, with ", stringify!($stem), "<n> as given, 0 <= n < ", $count,
                            "; otherwise `None`."
                        )]
        #[inline]
        pub const fn $with_at(self, n: usize, value: bool) -> Option<Self> {
            if n < $count {
                let lsb = n * $stride;
                Some(Self((self.0 & !(1 << lsb)) | ((value as u64) << lsb)))
            } else {
                None
            }
        }
    };

    (
        number $stem:ident ($at:ident $with_at:ident)
        $count:literal $width:literal $stride:literal
    ) => {
        #[doc = concat!(stringify!($stem), "<n>, 0 <= n < ", $count, "; otherwise `None`.")]
        #[inline]
        pub const fn $at(self, n: usize) -> Option<Bits<$width>> {
            if n < $count {
                Some(Bits::extract(self.0, n as u32 * $stride))
            } else {
                None
            }
        }

        #[doc = concat!(
                            "This, with ", stringify!($stem), "<n> as given, 0 <= n < ", $count,
                            "; otherwise `None`."
                        )]
        #[inline]
        pub const fn $with_at(self, n: usize, value: Bits<$width>) -> Option<Self> {
            if n < $count {
                Some(Self(value.insert(self.0, n as u32 * $stride)))
            } else {
                None
            }
        }
    };
}

/// The named values of a field.
macro_rules! enumeration {
    (
        $(#[$meta:meta])*
        $name:ident, $width:literal bits, signed: $signed:expr;
        $( $variant:ident = $value:literal; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u64)]
        pub enum $name {
            $( #[doc = stringify!($value)] $variant = $value, )*
        }

        impl $name {
            /// Whether the values compare as signed numbers; `None` if their order means nothing.
            pub const SIGNED: Option<bool> = $signed;

            /// The value's name; `None` if it has none.
            #[inline]
            pub const fn from_bits(bits: Bits<$width>) -> Option<Self> {
                match bits.get() {
                    $( $value => Some(Self::$variant), )*
                    _ => None,
                }
            }

            /// The value.
            #[inline]
            pub const fn into_bits(self) -> Bits<$width> {
                // Lossless: the generator refuses values that do not fit.
                Bits::truncate(self as u64)
            }
        }
    };
}

layout! {
    /// A register whose fields the kernel's table does not describe.
    Undescribed, res0: 0x0, res1: 0x0, unkn: 0x0;
}
