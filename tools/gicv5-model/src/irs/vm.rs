// SPDX-License-Identifier: GPL-2.0-or-later
//! A valid VM: its interrupts, its VPEs and their doorbells.

use super::candidates::Candidates;
use super::domain::Domain;
use super::ist::{Geometry, Ist};
use super::vmt;
use crate::archive::Archive;
use crate::intid::{Candidate, IntType, Priority};
use std::collections::BTreeMap;

/// The bits of a physical address, and one more, as a table may lie across the
/// end.
const PA: u64 = (1 << 57) - 1;

/// A VM between the IRS_VMAP_VMR that makes it valid and the one that ends it.
///
/// CHOICE: what its L2_VMTE, its VPET and the L2_VMTE's IST words say is read
/// when each becomes valid. Software must not change them while valid, and a
/// change is not seen.
#[derive(Debug)]
pub(crate) struct Vm {
    /// Its interrupts; the targets are all VPE IDs that its VPET has room for,
    /// so that an interrupt waits for a VPE to become valid.
    pub domain: Domain<Ist>,
    /// Physical address of its L2_VMTE.
    pub vmte: u64,
    /// Words 0 and 1 of that.
    pub words: [u64; 2],
    /// Words 2 and 3, those of a valid IST.
    ist_words: [Option<u64>; 2],
    /// Physical address of its VPE table, which has 2^`vpe_id_bits` entries.
    pub vpet: u64,
    pub vpe_id_bits: u32,
    /// The valid VPEs.
    pub vpes: BTreeMap<u16, Vpe>,
    /// Nothing has changed since it was last saved (IRS_SAVE_VMR).
    pub quiescent: bool,
}

impl Vm {
    /// No IST and no VPE.
    pub fn new(vmte: u64, words: [u64; 2], vpe_id_bits: u32) -> Self {
        Self {
            domain: Domain {
                spis: Ist::default(),
                lpis: Ist::default(),
                candidates: Candidates::new(1 << vpe_id_bits),
            },
            vmte,
            words,
            ist_words: [None; 2],
            vpet: vmt::vpet(words[1]).0,
            vpe_id_bits,
            vpes: BTreeMap::new(),
            quiescent: false,
        }
    }

    /// Saves or loads it, but for which VPEs are resident.
    /// It has at most `max` VPE ID bits.
    pub fn archive(&mut self, archive: &mut Archive<'_>, max: u32) {
        archive.bits(&mut self.vmte, PA);
        self.words.iter_mut().for_each(|word| archive.number(word));
        for place in &mut self.ist_words {
            archive.option(place, |word, archive| archive.number(word));
        }
        self.vpet = vmt::vpet(self.words[1]).0;
        archive.number(&mut self.vpe_id_bits);
        archive.require((1..=max).contains(&self.vpe_id_bits));
        self.vpe_id_bits = self.vpe_id_bits.clamp(1, max);
        let targets = 1 << self.vpe_id_bits;
        if self.domain.candidates.targets() != targets {
            self.domain.candidates = Candidates::new(targets);
        }
        archive.flag(&mut self.quiescent);
        self.domain.spis.archive(archive);
        self.domain.lpis.archive(archive);
        self.domain.candidates.archive(archive);
        let mut vpes: Vec<_> = self
            .vpes
            .iter()
            .map(|(id, vpe)| (*id, vpe.state.bits(), vpe.vpete))
            .collect();
        archive.list(&mut vpes, |(id, state, vpete), archive| {
            archive.number(id);
            archive.bits(state, VpeState::from_bits(u64::MAX).bits());
            archive.number(vpete);
        });
        let saved = core::mem::take(&mut self.vpes);
        for (id, state, vpete) in vpes {
            let vpe = Vpe {
                resident: saved.get(&id).and_then(|vpe| vpe.resident),
                ..Vpe::new(vpete, VpeState::from_bits(state))
            };
            archive.require(usize::from(id) < targets);
            self.vpes.insert(id, vpe);
        }
    }

    /// The IST of type `ty`; of a PPI, which has none, the LPIs'.
    pub fn ist_mut(&mut self, ty: IntType) -> &mut Ist {
        match ty {
            IntType::Spi => &mut self.domain.spis,
            IntType::Lpi | IntType::Ppi => &mut self.domain.lpis,
        }
    }

    /// Makes the IST of type `ty` valid, whose word in the L2_VMTE is `word`.
    pub fn set_ist(&mut self, ty: IntType, word: u64, geometry: Geometry, caches: bool) {
        self.ist_mut(ty).set(geometry, caches);
        self.ist_words[Self::ist_index(ty)] = Some(word);
    }

    /// Makes it invalid.
    pub fn clear_ist(&mut self, ty: IntType) {
        self.ist_mut(ty).clear();
        self.domain.candidates.remove_all(ty);
        self.ist_words[Self::ist_index(ty)] = None;
    }

    /// The word of the IST of type `ty`, if that is valid.
    pub fn ist_word(&self, ty: IntType) -> Option<u64> {
        self.ist_words[Self::ist_index(ty)]
    }

    fn ist_index(ty: IntType) -> usize {
        usize::from(ty == IntType::Spi)
    }

    /// Whether any of the VPEs is resident.
    pub fn any_resident(&self) -> bool {
        self.vpes.values().any(|vpe| vpe.resident.is_some())
    }

    /// The interrupt that VPE `vpe` would take next.
    pub fn best(&self, vpe: u16) -> Option<Candidate> {
        self.domain.candidates.best(vpe.into())
    }
}

/// A valid VPE.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vpe {
    /// The PE that it is resident on.
    pub resident: Option<u32>,
    /// What is kept in its descriptor.
    pub state: VpeState,
    /// Its VPETE.
    pub vpete: u64,
    /// Physical address of the descriptor.
    pub vped: u64,
}

impl Vpe {
    /// One that is not resident.
    pub const fn new(vpete: u64, state: VpeState) -> Self {
        Self {
            resident: None,
            state,
            vpete,
            vped: vpete & vmt::ADDR,
        }
    }
}

/// What the IRS keeps in a VPE descriptor: the first doubleword, of which the
/// architecture says only that software zeroes it.
///
/// CHOICE: it is written whenever it changes, and read when the VM becomes
/// valid with the VPE valid already. So a doorbell outlives its VM's being
/// invalid, which KVM relies on when it restores an IST.
///
/// The fields of IRS_VPE_DBR are where that has them, DPS is bit 48.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VpeState(u64);

impl VpeState {
    const DBV: u64 = 1 << 63;
    const REQ_DB: u64 = 1 << 62;
    const DBPM_SHIFT: u32 = 32;
    const DBPM: u64 = 0x1f << Self::DBPM_SHIFT;
    const INTID: u64 = 0xff_ffff;
    const DBR: u64 = Self::DBV | Self::REQ_DB | Self::DBPM | Self::INTID;
    const DPS: u64 = 1 << 48;

    /// What the descriptor holds; other bits than the IRS's own are ignored.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & (Self::DBR | Self::DPS))
    }

    /// For the descriptor.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// IRS_VPE_DBR.
    pub const fn dbr(self) -> u64 {
        self.0 & Self::DBR
    }

    /// Writes IRS_VPE_DBR.
    #[must_use]
    pub const fn with_dbr(self, value: u64) -> Self {
        Self(self.0 & !Self::DBR | value & Self::DBR)
    }

    /// IRS_VPE_CR0.DPS.
    pub const fn dps(self) -> bool {
        self.0 & Self::DPS != 0
    }

    /// Writes IRS_VPE_CR0.DPS. CHOICE: kept, though there is no 1ofN routing
    /// that it could exclude the VPE from.
    #[must_use]
    pub const fn with_dps(self, set: bool) -> Self {
        Self(self.0 & !Self::DPS | if set { Self::DPS } else { 0 })
    }

    /// A doorbell is requested for interrupts of at least priority `dbpm`.
    #[must_use]
    pub const fn request(self, dbpm: Priority) -> Self {
        let dbpm = (dbpm.get() as u64) << Self::DBPM_SHIFT;
        Self(self.0 & !Self::DBPM | dbpm | Self::REQ_DB)
    }

    /// None is requested any longer.
    #[must_use]
    pub const fn cancel(self) -> Self {
        Self(self.0 & !Self::REQ_DB)
    }

    /// The physical LPI that the doorbell is, if one is requested and `best`
    /// is of sufficient priority (R_CWZMW).
    ///
    /// CHOICE: DBPM lets priorities up to its value through, so 0 is a request
    /// for priority 0 only. That is how KVM uses it; a public guide has 0 for
    /// all.
    pub fn rings(self, best: Option<Candidate>) -> Option<u32> {
        let best = best?;
        let dbpm = Priority::from_bits(self.0 >> Self::DBPM_SHIFT);
        let armed = self.0 & Self::DBV != 0 && self.0 & Self::REQ_DB != 0;
        (armed && best.priority <= dbpm).then_some((self.0 & Self::INTID) as u32)
    }
}
