// SPDX-License-Identifier: GPL-2.0
//! A KVM device's attributes: what is asked, and what went wrong.

use kvm_bindings::kvm_device_attr;
use kvm_ioctls::DeviceFd;
use vmm_sys_util::errno;

use super::Model;

/// Why there is no GIC.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `KVM_CREATE_DEVICE` failed.
    #[error("this host's KVM offers no {0:?} interrupt controller ({1})")]
    NotOffered(Model, errno::Error),
    /// `KVM_CREATE_DEVICE` failed for another reason.
    #[error("cannot create a {0:?} interrupt controller: {1}")]
    Create(Model, errno::Error),
    /// An attribute could not be set or read.
    #[error("the interrupt controller's {0}: {1}")]
    Attribute(&'static str, errno::Error),
}

impl Error {
    pub(super) fn create(model: Model, errno: errno::Error) -> Self {
        match errno.errno() {
            libc::ENODEV => Self::NotOffered(model, errno),
            _ => Self::Create(model, errno),
        }
    }
}

/// A KVM device, as the modules here use it. `addr` of the system call is the
/// address of the value; `None` leaves it 0.
pub trait Attributes {
    /// `KVM_SET_DEVICE_ATTR` with a 32-bit value, a 64-bit value, or none.
    fn set(&self, what: Attribute, value: Value) -> Result<(), Error>;
}

/// One attribute, with the name that errors call it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// KVM_DEV_ARM_VGIC_GRP_*
    pub group: u32,
    /// The group's own numbering.
    pub attr: u64,
    /// For people.
    pub name: &'static str,
}

/// An attribute's value: its width is part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The attribute is a command.
    None,
    /// A 32-bit value.
    U32(u32),
    /// A 64-bit value.
    U64(u64),
}

impl Attributes for DeviceFd {
    fn set(&self, what: Attribute, value: Value) -> Result<(), Error> {
        let addr = match &value {
            Value::None => 0,
            Value::U32(value) => std::ptr::from_ref(value) as u64,
            Value::U64(value) => std::ptr::from_ref(value) as u64,
        };
        let attr = kvm_device_attr {
            group: what.group,
            attr: what.attr,
            addr,
            flags: 0,
        };
        self.set_device_attr(&attr)
            .map_err(|errno| Error::Attribute(what.name, errno))
    }
}

#[cfg(test)]
pub(super) mod fake {
    use super::*;
    use std::cell::RefCell;

    /// A device that notes what it is asked, and refuses one thing.
    #[derive(Default)]
    pub struct Fake {
        pub calls: RefCell<Vec<(u32, u64, Value)>>,
        pub refuse: Option<(u32, i32)>,
    }

    impl Attributes for Fake {
        fn set(&self, what: Attribute, value: Value) -> Result<(), Error> {
            self.calls.borrow_mut().push((what.group, what.attr, value));
            match self.refuse {
                Some((group, errno)) if group == what.group => {
                    Err(Error::Attribute(what.name, errno::Error::new(errno)))
                }
                _ => Ok(()),
            }
        }
    }
}
