// SPDX-License-Identifier: GPL-2.0

// What the generated definitions are made of. This text is part of every generated file.

use core::fmt;

/// The operands by which `mrs` and `msr` name a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encoding {
    /// 0 to 3.
    pub op0: u8,
    /// 0 to 7.
    pub op1: u8,
    /// 0 to 15.
    pub crn: u8,
    /// 0 to 15.
    pub crm: u8,
    /// 0 to 7.
    pub op2: u8,
}

impl Encoding {
    /// The kernel's `sys_reg()`, as in `struct sys_reg_params` and in an `mrs` instruction.
    #[inline]
    pub const fn sys_reg(self) -> u32 {
        (self.id() as u32) << 5
    }

    /// The 16 bits op0:op1:CRn:CRm:op2, as userspace names a register in `KVM_REG_ARM64_SYSREG`
    /// and in KVM's `CPU_SYSREGS` device attributes.
    #[inline]
    pub const fn id(self) -> u16 {
        ((self.op0 as u16) << 14)
            | ((self.op1 as u16) << 11)
            | ((self.crn as u16) << 7)
            | ((self.crm as u16) << 3)
            | self.op2 as u16
    }
}

/// Where a field is in its register, and what the architecture calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The architecture's name.
    pub name: &'static str,
    /// Its highest bit, at most 63.
    pub msb: u32,
    /// Its lowest bit, not above `msb`.
    pub lsb: u32,
}

impl Field {
    /// The field's bits, in place; the C header's `_MASK`.
    #[inline]
    pub const fn mask(self) -> u64 {
        self.max() << self.lsb
    }

    /// How far the field is from bit 0; the C header's `_SHIFT`.
    #[inline]
    pub const fn shift(self) -> u32 {
        self.lsb
    }

    /// How many bits there are, 1 to 64; the C header's `_WIDTH`.
    #[inline]
    pub const fn width(self) -> u32 {
        self.msb - self.lsb + 1
    }

    /// The largest value that fits.
    #[inline]
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.width())
    }

    /// The field's value in `raw`, a register's 64 bits.
    #[inline]
    pub const fn get(self, raw: u64) -> u64 {
        (raw >> self.lsb) & self.max()
    }
}

/// A number of `N` bits, 1 <= `N` <= 64: the value of a field.
///
/// A constant that does not fit does not compile ([`Bits::new`]); a number known only at run time
/// is checked ([`Bits::try_new`]).
///
/// # Invariants
///
/// The number is at most [`Bits::MAX`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits<const N: u32>(u64);

impl<const N: u32> Bits<N> {
    /// The largest `N`-bit number.
    pub const MAX: u64 = {
        assert!(N >= 1 && N <= 64);
        u64::MAX >> (64 - N)
    };

    /// The constant `VALUE`; the build fails if it does not fit.
    #[inline]
    pub const fn new<const VALUE: u64>() -> Self {
        const { assert!(VALUE <= Self::MAX) };
        // INVARIANT: just asserted.
        Bits(VALUE)
    }

    /// `value` if it fits, otherwise `None`.
    #[inline]
    pub const fn try_new(value: u64) -> Option<Self> {
        if value <= Self::MAX {
            // INVARIANT: just checked.
            Some(Bits(value))
        } else {
            None
        }
    }

    /// The low `N` bits of `value`; the rest is dropped.
    #[inline]
    pub const fn truncate(value: u64) -> Self {
        // INVARIANT: the mask leaves at most `MAX`.
        Bits(value & Self::MAX)
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number, with the highest bit taken as its sign.
    #[inline]
    pub const fn signed(self) -> i64 {
        ((self.0 << (64 - N)) as i64) >> (64 - N)
    }

    /// The bits of `raw` from `lsb` up.
    #[inline]
    const fn extract(raw: u64, lsb: u32) -> Self {
        Self::truncate(raw >> lsb)
    }

    /// `raw` with these bits from `lsb` up.
    #[inline]
    const fn insert(self, raw: u64, lsb: u32) -> u64 {
        (raw & !(Self::MAX << lsb)) | (self.0 << lsb)
    }
}

impl<const N: u32> From<Bits<N>> for u64 {
    #[inline]
    fn from(bits: Bits<N>) -> Self {
        bits.0
    }
}

impl<const N: u32> PartialEq<u64> for Bits<N> {
    #[inline]
    fn eq(&self, other: &u64) -> bool {
        self.0 == *other
    }
}

impl<const N: u32> PartialOrd<u64> for Bits<N> {
    #[inline]
    fn partial_cmp(&self, other: &u64) -> Option<core::cmp::Ordering> {
        self.0.partial_cmp(other)
    }
}

impl<const N: u32> fmt::Debug for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: u32> fmt::Display for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<const N: u32> fmt::LowerHex for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// `From<Bits<N>>` for each type that holds every `N`-bit number.
macro_rules! bits_fit {
    ($($type:ty: $($n:literal)*;)*) => { $( $(
        impl From<Bits<$n>> for $type {
            #[inline]
            fn from(bits: Bits<$n>) -> Self {
                // Lossless: `$n` bits fit.
                bits.0 as $type
            }
        }
    )* )* };
}

bits_fit! {
    u8: 1 2 3 4 5 6 7 8;
    u16: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
    u32: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32;
}

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

/// A system register: what it is called, how instructions name it, and what its bits mean.
///
/// The types that implement it stand for the register; values of a register are of type
/// [`SystemRegister::Value`], which is the same type where no other register shares the layout.
pub trait SystemRegister {
    /// Its contents.
    type Value: Layout;
    /// The architecture's name.
    const NAME: &'static str;
    /// How an instruction names it.
    const ENCODING: Encoding;
    /// The encoding as the assembler takes it, `S<op0>_<op1>_C<CRn>_C<CRm>_<op2>`.
    const ASM_NAME: &'static str;

    /// Reads the register.
    ///
    /// No barrier: the caller orders the access.
    ///
    /// # Safety
    ///
    /// The CPU implements the register and lets the current exception level read it, and whatever
    /// the architecture says that this read does besides is wanted here.
    #[cfg(all(target_arch = "aarch64", target_os = "none"))]
    unsafe fn read() -> Self::Value;

    /// Writes the register.
    ///
    /// No barrier: the caller orders the access.
    ///
    /// # Safety
    ///
    /// The CPU implements the register and lets the current exception level write it, and nothing
    /// that runs on this CPU relies on what the write changes.
    #[cfg(all(target_arch = "aarch64", target_os = "none"))]
    unsafe fn write(value: Self::Value);
}

/// A register as data, for tables and views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The architecture's name.
    pub name: &'static str,
    /// How an instruction names it.
    pub encoding: Encoding,
    /// The fields, from the highest bit down.
    pub fields: &'static [Field],
}

impl Register {
    /// The description of `R`.
    pub const fn of<R: SystemRegister>() -> Self {
        Register {
            name: R::NAME,
            encoding: R::ENCODING,
            fields: <R::Value as Layout>::FIELDS,
        }
    }
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

/// A register, whose contents are `$value`.
macro_rules! system_register {
    (
        $register:ty => $value:ty, $name:literal, $asm_name:literal,
        $op0:literal $op1:literal $crn:literal $crm:literal $op2:literal
    ) => {
        impl SystemRegister for $register {
            type Value = $value;
            const NAME: &'static str = $name;
            const ENCODING: Encoding = Encoding {
                op0: $op0,
                op1: $op1,
                crn: $crn,
                crm: $crm,
                op2: $op2,
            };
            const ASM_NAME: &'static str = $asm_name;

            #[cfg(all(target_arch = "aarch64", target_os = "none"))]
            #[inline(always)]
            unsafe fn read() -> Self::Value {
                let raw: u64;
                // SAFETY: The caller answers for this read. It moves one register into another,
                // and changes neither memory, stack nor flags.
                unsafe {
                    core::arch::asm!(
                        concat!("mrs {}, ", $asm_name),
                        out(reg) raw,
                        options(nomem, nostack, preserves_flags)
                    )
                };
                <$value>::from_raw(raw)
            }

            #[cfg(all(target_arch = "aarch64", target_os = "none"))]
            #[inline(always)]
            unsafe fn write(value: Self::Value) {
                // SAFETY: The caller answers for this write. It moves one register into another,
                // and changes neither memory, stack nor flags.
                unsafe {
                    core::arch::asm!(
                        concat!("msr ", $asm_name, ", {}"),
                        in(reg) value.into_raw(),
                        options(nomem, nostack, preserves_flags)
                    )
                };
            }
        }
    };
}

/// Registers that differ by a number in their names.
macro_rules! register_array {
    ($(#[$meta:meta])* $name:ident => $value:ident, $count:literal; $($n:literal $register:ident)*) => {
        $(#[$meta])*
        pub enum $name {}

        impl $name {
            /// How many there are.
            pub const COUNT: usize = $count;
            /// All of them, by number.
            pub const REGISTERS: [Register; $count] = [$( Register::of::<$register>() ),*];

            /// Reads register `n`; `None` if there is none.
            ///
            /// # Safety
            ///
            /// As for [`SystemRegister::read`].
            #[cfg(all(target_arch = "aarch64", target_os = "none"))]
            #[inline]
            pub unsafe fn read(n: usize) -> Option<$value> {
                match n {
                    $(
                        // SAFETY: The caller answers for this read.
                        $n => Some(unsafe { <$register>::read() }),
                    )*
                    _ => None,
                }
            }

            /// Writes register `n`; `None`, and nothing written, if there is none.
            ///
            /// # Safety
            ///
            /// As for [`SystemRegister::write`].
            #[cfg(all(target_arch = "aarch64", target_os = "none"))]
            #[inline]
            pub unsafe fn write(n: usize, value: $value) -> Option<()> {
                match n {
                    $(
                        // SAFETY: The caller answers for this write.
                        $n => Some(unsafe { <$register>::write(value) }),
                    )*
                    _ => None,
                }
            }

            /// Reads the first `N` registers, one after the other, with no loop and no branch.
            ///
            /// # Safety
            ///
            /// As for [`SystemRegister::read`], for each of them.
            #[cfg(all(target_arch = "aarch64", target_os = "none"))]
            #[inline]
            pub unsafe fn read_first<const N: usize>() -> [$value; N] {
                const { assert!(N <= $count) };
                let mut values = [$value::from_raw(0); N];
                $(
                    if let Some(value) = values.get_mut($n) {
                        // SAFETY: The caller answers for this read.
                        *value = unsafe { <$register>::read() };
                    }
                )*
                values
            }

            /// Writes the first `N` registers, one after the other, with no loop and no branch.
            ///
            /// # Safety
            ///
            /// As for [`SystemRegister::write`], for each of them.
            #[cfg(all(target_arch = "aarch64", target_os = "none"))]
            #[inline]
            pub unsafe fn write_first<const N: usize>(values: &[$value; N]) {
                const { assert!(N <= $count) };
                $(
                    if let Some(value) = values.get($n) {
                        // SAFETY: The caller answers for this write.
                        unsafe { <$register>::write(*value) };
                    }
                )*
            }
        }
    };
}

layout! {
    /// A register whose fields the kernel's table does not describe.
    Undescribed, res0: 0x0, res1: 0x0, unkn: 0x0;
}
