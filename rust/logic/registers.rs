// SPDX-License-Identifier: GPL-2.0

//! The hypervisor's registers of one CPU's virtual interface, by name.

/// A register that the world switch reads or writes.
///
/// The discriminant is the register's place in the [`super::Shadow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Reg {
    Vmcr,
    Apr,
    Enabler0,
    Activer0,
    Priorityr0,
    Priorityr1,
    Priorityr2,
    Priorityr3,
    Priorityr4,
    Priorityr5,
    Priorityr6,
    Priorityr7,
    Pendr0,
    Dvir0,
    /// ICC_ICSR_EL1: one register, used by the host and by the guest.
    Icsr,
    Vctlr,
    Enabler1,
    Activer1,
    Pendr1,
    Dvir1,
    Priorityr8,
    Priorityr9,
    Priorityr10,
    Priorityr11,
    Priorityr12,
    Priorityr13,
    Priorityr14,
    Priorityr15,
}

impl Reg {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 28] = [
        Self::Vmcr,
        Self::Apr,
        Self::Enabler0,
        Self::Activer0,
        Self::Priorityr0,
        Self::Priorityr1,
        Self::Priorityr2,
        Self::Priorityr3,
        Self::Priorityr4,
        Self::Priorityr5,
        Self::Priorityr6,
        Self::Priorityr7,
        Self::Pendr0,
        Self::Dvir0,
        Self::Icsr,
        Self::Vctlr,
        Self::Enabler1,
        Self::Activer1,
        Self::Pendr1,
        Self::Dvir1,
        Self::Priorityr8,
        Self::Priorityr9,
        Self::Priorityr10,
        Self::Priorityr11,
        Self::Priorityr12,
        Self::Priorityr13,
        Self::Priorityr14,
        Self::Priorityr15,
    ];

    /// The register's bit in a set of registers.
    #[inline(always)]
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The priorities of PPIs 0 to 63, eight a register.
    pub const PRIORITYR: [Self; 8] = [
        Self::Priorityr0,
        Self::Priorityr1,
        Self::Priorityr2,
        Self::Priorityr3,
        Self::Priorityr4,
        Self::Priorityr5,
        Self::Priorityr6,
        Self::Priorityr7,
    ];

    /// What only the hypervisor can write of PPIs 64 to 127.
    pub const UPPER_HOST: [Self; 2] = [Self::Dvir1, Self::Enabler1];

    /// What a guest can write of PPIs 64 to 127, none of which it is given.
    pub const UPPER_GUEST: [Self; 10] = [
        Self::Activer1,
        Self::Pendr1,
        Self::Priorityr8,
        Self::Priorityr9,
        Self::Priorityr10,
        Self::Priorityr11,
        Self::Priorityr12,
        Self::Priorityr13,
        Self::Priorityr14,
        Self::Priorityr15,
    ];
}

/// One CPU's virtual interface as its hypervisor reaches it.
///
/// Three things implement it: `msr` and `mrs` on a VHE host, the memory that the EL2 object saves
/// to and restores from on an nVHE host, and the architecture model in host tests.
pub trait Registers {
    /// Reads a register.
    fn read(&self, reg: Reg) -> u64;

    /// Writes a register.
    fn write(&mut self, reg: Reg, value: u64);

    /// Makes the writes so far take effect before the accesses that follow (ISB).
    fn synchronize(&mut self);

    /// Told at the end of a load, when VMCR and APR hold the vCPU's values.
    fn loaded(&mut self) {}

    /// Told after the guest has run, before anything is read.
    fn exited(&mut self) {}

    /// Whether what one vCPU leaves in these registers is found there by the next to be loaded.
    /// False makes every load write everything.
    const RETAINS: bool = true;
}
