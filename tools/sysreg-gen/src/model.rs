// SPDX-License-Identifier: GPL-2.0

//! What the table says, once its syntax is gone.

/// The whole table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Where it was read from, for messages.
    pub(crate) path: String,
    /// `Sysreg` blocks, in the table's order.
    pub(crate) registers: Vec<Register>,
    /// `SysregFields` blocks, in the table's order.
    pub(crate) shared: Vec<Shared>,
    /// Registers with something odd that the kernel's own generator accepts, and what it is.
    pub(crate) warnings: Vec<(String, String)>,
}

/// A `Sysreg` block.
#[derive(Debug)]
pub(crate) struct Register {
    /// The architecture's name.
    pub(crate) name: String,
    /// How an instruction names it.
    pub(crate) encoding: Encoding,
    /// Layouts that apply only where a feature is implemented (`Prefix` blocks).
    pub(crate) prefixed: Vec<Layout>,
    /// The layout outside every prefix.
    pub(crate) body: Body,
}

/// A `SysregFields` block: a layout that several registers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The block's name.
    pub(crate) name: String,
    /// As for [`Register::prefixed`].
    pub(crate) prefixed: Vec<Layout>,
    /// The layout outside every prefix.
    pub(crate) layout: Layout,
}

/// How a register's bits are described.
#[derive(Debug)]
pub(crate) enum Body {
    /// By its own lines.
    Own(Layout),
    /// `Fields`: as the `SysregFields` of that name.
    Fields(String),
    /// `Mapping`: as the register of that name, which this one is another way to reach.
    Mapping(String),
}

impl Body {
    /// The name of what describes the register instead of its own lines.
    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Body::Own(_) => None,
            Body::Fields(name) | Body::Mapping(name) => Some(name),
        }
    }
}

/// Operands of `mrs` and `msr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) op0: u8,
    pub(crate) op1: u8,
    pub(crate) crn: u8,
    pub(crate) crm: u8,
    pub(crate) op2: u8,
}

impl Encoding {
    /// The names of the operands in the C header, each with its value.
    pub(crate) fn parts(self) -> [(&'static str, u8); 5] {
        [
            ("Op0", self.op0),
            ("Op1", self.op1),
            ("CRn", self.crn),
            ("CRm", self.crm),
            ("Op2", self.op2),
        ]
    }

    /// The name that an assembler takes for it, whether or not it knows the register.
    pub(crate) fn asm_name(self) -> String {
        let Encoding {
            op0,
            op1,
            crn,
            crm,
            op2,
        } = self;
        format!("S{op0}_{op1}_C{crn}_C{crm}_{op2}")
    }

    /// The kernel's `sys_reg()`.
    pub(crate) fn sys_reg(self) -> u32 {
        let [op0, op1, crn, crm, op2] = self.parts().map(|(_, part)| u32::from(part));
        (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5)
    }
}

/// 64 bits, each of which is in one field or one mask, or is RAZ.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The C header's name: the register's, with the prefix before it.
    pub(crate) name: String,
    /// The feature that the layout is for, if it is in a `Prefix` block.
    pub(crate) prefix: Option<String>,
    /// From the highest bit down.
    pub(crate) fields: Vec<Field>,
    pub(crate) res0: u64,
    pub(crate) res1: u64,
    pub(crate) unkn: u64,
    pub(crate) raz: u64,
}

/// A named field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) bits: Bits,
    pub(crate) kind: Kind,
}

/// What a field's values mean.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A number, or a flag.
    Plain,
    /// Only some values mean something, and have names.
    Enum {
        /// Whether values compare as signed numbers; `None` if their order means nothing.
        signed: Option<bool>,
        /// In the table's order.
        values: Vec<Value>,
    },
}

/// A line of an enumeration.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) value: u64,
}

/// `msb:lsb`, with 63 >= msb >= lsb >= 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    pub(crate) msb: u32,
    pub(crate) lsb: u32,
}

impl Bits {
    pub(crate) fn width(self) -> u32 {
        self.msb - self.lsb + 1
    }

    /// The largest value that fits.
    pub(crate) fn max(self) -> u64 {
        u64::MAX >> (64 - self.width())
    }

    pub(crate) fn mask(self) -> u64 {
        self.max() << self.lsb
    }
}

impl Table {
    /// The `SysregFields` block of that name.
    pub(crate) fn shared(&self, name: &str) -> Option<&Shared> {
        self.shared.iter().find(|shared| shared.name == name)
    }

    /// The register of that name.
    pub(crate) fn register(&self, name: &str) -> Option<&Register> {
        self.registers.iter().find(|reg| reg.name == name)
    }

    /// The layout that describes `reg` outside every prefix, with `Fields` and `Mapping` followed.
    ///
    /// `None` if a reference leads nowhere, of which the parser has warned.
    pub(crate) fn layout<'a>(&'a self, reg: &'a Register) -> Option<&'a Layout> {
        match &reg.body {
            Body::Own(layout) => Some(layout),
            Body::Fields(name) => self.shared(name).map(|shared| &shared.layout),
            Body::Mapping(name) => self.register(name).and_then(|reg| self.layout(reg)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_a_mask_at_either_end() {
        let bits = |msb, lsb| Bits { msb, lsb };
        assert_eq!(bits(63, 0).mask(), u64::MAX);
        assert_eq!(bits(63, 63).mask(), 1 << 63);
        assert_eq!(bits(0, 0).mask(), 1);
        assert_eq!(bits(31, 27).mask(), 0xf800_0000);
        assert_eq!(bits(31, 27).width(), 5);
        assert_eq!(bits(31, 27).max(), 31);
    }

    #[test]
    fn encodings_are_the_kernels() {
        let encoding = Encoding {
            op0: 3,
            op1: 4,
            crn: 12,
            crm: 11,
            op2: 7,
        };
        assert_eq!(encoding.asm_name(), "S3_4_C12_C11_7");
        assert_eq!(encoding.sys_reg(), 0x1c_cbe0);
    }
}
