// SPDX-License-Identifier: GPL-2.0

// Part of every generated file: how registers are named, read and written.

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
