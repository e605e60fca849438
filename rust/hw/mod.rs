// SPDX-License-Identifier: GPL-2.0

//! Adapters to hardware: they implement the ports of [`crate::vgic`].

pub(crate) mod cpuif;
pub(crate) mod doorbell;
pub(crate) mod irs;
pub(crate) mod ppi;
pub(crate) mod table;
pub(crate) mod vpe;
