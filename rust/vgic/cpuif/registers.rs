// SPDX-License-Identifier: GPL-2.0

//! The hypervisor's registers of one CPU's virtual interface: the one list of them.

use crate::sysregs::*;

/// What [`Reg::visit`] calls with the register's own type.
pub trait RegisterVisitor {
    /// What comes of it.
    type Output;

    /// Called with the type that stands for the register.
    fn visit<S: SystemRegister>(self) -> Self::Output;
}

/// Declares the registers: an enum of them, groups of them as constants, and which system register
/// each one is.
macro_rules! registers {
    ($(
        $(#[$group_doc:meta])*
        $group:ident { $($name:ident = $sysreg:ident),* $(,)? }
    )*) => {
        /// A register that the world switch reads or writes.
        ///
        /// The discriminant is the register's place in the [`super::RegisterCache`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Reg {
            $($(
                #[doc = concat!("`", stringify!($sysreg), "`.")]
                $name,
            )*)*
        }

        impl Reg {
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// All of them, in the order of their discriminants.
            pub const ALL: [Self; [$($(stringify!($name)),*),*].len()] =
                [$($(Self::$name),*),*];

            $(
                $(#[$group_doc])*
                pub const $group: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];
            )*

            /// Calls `visitor` with the type that stands for this register.
            #[inline(always)]
            pub fn visit<V: RegisterVisitor>(self, visitor: V) -> V::Output {
                match self {
                    $($(Self::$name => visitor.visit::<$sysreg>(),)*)*
                }
            }
        }
    };
}

registers! {
    /// Priority mask and enable; active priorities.
    CONTROL { Vmcr = FEAT_GCIE_ICH_VMCR_EL2, Apr = ICH_APR_EL2 }

    /// State of PPIs 0 to 63, one bit for each.
    BITMAPS {
        Enabler0 = ICH_PPI_ENABLER0_EL2,
        Activer0 = ICH_PPI_ACTIVER0_EL2,
        Pendr0 = ICH_PPI_PENDR0_EL2,
        Dvir0 = ICH_PPI_DVIR0_EL2,
    }

    /// The priorities of PPIs 0 to 63, eight a register.
    PRIORITYR {
        Priorityr0 = ICH_PPI_PRIORITYR0_EL2,
        Priorityr1 = ICH_PPI_PRIORITYR1_EL2,
        Priorityr2 = ICH_PPI_PRIORITYR2_EL2,
        Priorityr3 = ICH_PPI_PRIORITYR3_EL2,
        Priorityr4 = ICH_PPI_PRIORITYR4_EL2,
        Priorityr5 = ICH_PPI_PRIORITYR5_EL2,
        Priorityr6 = ICH_PPI_PRIORITYR6_EL2,
        Priorityr7 = ICH_PPI_PRIORITYR7_EL2,
    }

    /// Shared by the host and the guest.
    SHARED { Icsr = ICC_ICSR_EL1 }

    /// Which interface the guest has.
    VIEW { Vctlr = ICH_VCTLR_EL2 }

    /// What only the hypervisor can write of PPIs 64 to 127.
    UPPER_HOST { Dvir1 = ICH_PPI_DVIR1_EL2, Enabler1 = ICH_PPI_ENABLER1_EL2 }

    /// What a guest can write of PPIs 64 to 127, none of which it is given.
    UPPER_GUEST {
        Activer1 = ICH_PPI_ACTIVER1_EL2,
        Pendr1 = ICH_PPI_PENDR1_EL2,
        Priorityr8 = ICH_PPI_PRIORITYR8_EL2,
        Priorityr9 = ICH_PPI_PRIORITYR9_EL2,
        Priorityr10 = ICH_PPI_PRIORITYR10_EL2,
        Priorityr11 = ICH_PPI_PRIORITYR11_EL2,
        Priorityr12 = ICH_PPI_PRIORITYR12_EL2,
        Priorityr13 = ICH_PPI_PRIORITYR13_EL2,
        Priorityr14 = ICH_PPI_PRIORITYR14_EL2,
        Priorityr15 = ICH_PPI_PRIORITYR15_EL2,
    }
}

impl Reg {
    /// The register's bit in a set of registers.
    #[inline(always)]
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}
