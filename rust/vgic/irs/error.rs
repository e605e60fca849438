// SPDX-License-Identifier: GPL-2.0

//! Why an operation of the virtual IRS failed.

/// A reason, named for what happened; KVM's errno is in each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// ENOMEM: an allocation failed.
    NoMemory,
    /// ETIMEDOUT: the host IRS did not become idle.
    Timeout,
    /// EBUSY: not now, or not any more.
    Busy,
    /// EINVAL: the value, or the state, is not acceptable.
    Invalid,
    /// ENOSPC: no VM ID is left.
    NoVmId,
    /// E2BIG: beyond what the host's tables can describe.
    TooBig,
    /// ENXIO: there is no such attribute, or nothing behind it.
    NoSuch,
    /// EEXIST: it was set before.
    Exists,
    /// EFAULT: userspace's memory cannot be accessed.
    Fault,
    /// EIO: the IRS holds memory that it did not give back; the VM cannot go on.
    Dead,
    /// ENODEV: the host has no IRS that can virtualize, or the VM has no vCPU.
    NoDevice,
}

/// The result of such an operation.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;
