// SPDX-License-Identifier: GPL-2.0

//! Memory that is lent to the IRS.
//!
//! While an entry that points at a table is valid, the IRS reads and writes the table whenever it
//! likes, and keeps copies. So a table that was given to it must not be edited, and must not be
//! freed. [`Lent`] is such a table: it can be looked at, and nothing else. It becomes memory again
//! in exchange for the proof that the operation which makes it invalid has completed; proofs are
//! made in `host.rs` alone. If there never is one, the memory is leaked, on purpose, and the leak
//! counted ([`Lent::leak`]).

use super::ports::Block;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

/// The proof that no VM table is installed.
#[derive(Debug)]
pub struct VmtGone(());

/// The proof that a VM's VMTE is not valid, and with it nothing that it points at.
#[derive(Debug)]
pub struct VmGone(());

/// The proof that one of a VM's ISTs is not valid.
#[derive(Debug)]
pub struct IstGone(());

impl VmtGone {
    pub(super) const fn proven() -> Self {
        Self(())
    }

    /// The proof for a table whose installation was refused before the IRS heard of it.
    pub(super) const fn proven_not_installed() -> Self {
        Self(())
    }
}

impl VmGone {
    pub(super) const fn proven() -> Self {
        Self(())
    }

    /// The ISTs of an invalid VM are not valid either.
    pub const fn ist(&self) -> IstGone {
        IstGone(())
    }
}

impl IstGone {
    pub(super) const fn proven() -> Self {
        Self(())
    }
}

/// What can be lent: blocks, and what is made of them.
pub trait Lendable: Sized {
    /// Makes what the CPU wrote visible to the IRS.
    fn publish(&self);
    /// Never frees it.
    fn leak(self);
}

/// One block that is a table by itself.
pub struct Single<B>(pub B);

impl<B: Block> Lendable for Single<B> {
    fn publish(&self) {
        self.0.synchronize(0, self.0.size());
    }

    fn leak(self) {
        self.0.leak();
    }
}

/// A table that the IRS has, until there is a `Proof` of the contrary.
///
/// Dropping it does not free the table. Who gives up on a proof says so with [`Lent::leak`].
#[must_use = "dropping it leaks the table without counting it"]
pub struct Lent<T: Lendable, Proof> {
    table: ManuallyDrop<T>,
    proof: PhantomData<fn(Proof)>,
}

impl<T: Lendable, Proof> Lent<T, Proof> {
    /// Gives `table` to the IRS: from here on the entry that points at it may become valid.
    pub fn new(table: T) -> Self {
        table.publish();
        Self {
            table: ManuallyDrop::new(table),
            proof: PhantomData,
        }
    }

    /// The table, to look at. What it shows may be older than what the IRS knows.
    pub fn look(&self) -> &T {
        &self.table
    }

    /// The table, to edit entries of it that are not valid, which the IRS does not look at. Only the
    /// VM table has such.
    pub(super) fn invalid_entries(&mut self) -> &mut T {
        &mut self.table
    }

    /// Takes the table back from the IRS, which has given it up.
    pub fn take_back(self, _proof: &Proof) -> T {
        ManuallyDrop::into_inner(self.table)
    }

    /// Leaves the table to the IRS for good.
    pub fn leak(self) {
        ManuallyDrop::into_inner(self.table).leak();
    }
}
