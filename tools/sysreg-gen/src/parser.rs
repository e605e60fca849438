// SPDX-License-Identifier: GPL-2.0

//! The table's syntax and its rules.
//!
//! The rules are those of the kernel's own generator (`arch/arm64/tools/gen-sysreg.awk`): what it
//! refuses is refused here. A few mistakes that it lets through to the C compiler, or to nobody,
//! are refused as well: names given twice, values that do not fit, encodings that do not exist.

use crate::model::{Bits, Body, Encoding, Field, Kind, Layout, Register, Shared, Table, Value};

mod words;

#[cfg(test)]
mod tests;

use words::{bit_range, identifier, operand, operands, symbol};

/// Reads `text`; `path` is for messages.
///
/// # Errors
///
/// The first mistake, as `path:line: what`.
pub(crate) fn parse(path: &str, text: &str) -> Result<Table, String> {
    let mut parser = Parser::new(path);
    for (index, line) in text.lines().enumerate() {
        parser.line = index + 1;
        if line.is_empty() || line.trim_start_matches([' ', '\t']).starts_with('#') {
            continue;
        }
        parser
            .statement(&line.split_whitespace().collect::<Vec<_>>())
            .map_err(|what| format!("{path}:{}: {what}", parser.line))?;
    }
    if let Some(block) = parser.blocks.last() {
        return Err(format!(
            "{path}:{}: missing terminator for {} block that began in line {}",
            parser.line,
            block.kind.keyword(),
            block.line
        ));
    }
    parser.resolve()?;
    Ok(parser.table)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockKind {
    Sysreg,
    SysregFields,
    Prefix,
    Enum,
}

impl BlockKind {
    fn keyword(self) -> &'static str {
        match self {
            BlockKind::Sysreg => "Sysreg",
            BlockKind::SysregFields => "SysregFields",
            BlockKind::Prefix => "Prefix",
            BlockKind::Enum => "Enum",
        }
    }
}

struct Block {
    kind: BlockKind,
    line: usize,
}

/// A `Sysreg` or `SysregFields` block that is being read.
struct Open {
    name: String,
    /// `None` for `SysregFields`.
    encoding: Option<Encoding>,
    prefixed: Vec<Layout>,
    /// Being filled.
    layout: Layout,
    /// Set by `Fields` and `Mapping`.
    body: Option<Body>,
    /// The highest bit that nothing describes yet, -1 when all are described.
    next_bit: i32,
}

struct Parser {
    line: usize,
    /// Not yet terminated, outermost first.
    blocks: Vec<Block>,
    open: Option<Open>,
    table: Table,
    /// `Fields` and `Mapping`, with their lines, for checking at the end.
    references: Vec<(usize, String)>,
}

type Statement = Result<(), String>;

impl Parser {
    fn new(path: &str) -> Self {
        Parser {
            line: 0,
            blocks: Vec::new(),
            open: None,
            table: Table {
                path: path.into(),
                registers: Vec::new(),
                shared: Vec::new(),
                warnings: Vec::new(),
            },
            references: Vec::new(),
        }
    }

    /// One line, which is neither empty nor a comment.
    fn statement(&mut self, words: &[&str]) -> Statement {
        use BlockKind::{Enum, Prefix, Sysreg, SysregFields};

        let block = self.blocks.last().map(|block| block.kind);
        let keyword = words.first().copied().unwrap_or("");
        match (block, keyword) {
            (None, "SysregFields") => self.begin_shared(operands(words)?),
            (None, "Sysreg") => self.begin_register(operands(words)?),
            (Some(SysregFields), "EndSysregFields") => self.end_shared(operands(words)?),
            (Some(Sysreg), "EndSysreg") => self.end_register(operands(words)?),
            (Some(Sysreg), "Fields" | "Mapping") => self.reference(keyword, operands(words)?),
            (Some(Sysreg | SysregFields), "Prefix") => self.begin_prefix(operands(words)?),
            (Some(Prefix), "EndPrefix") => self.end_prefix(operands(words)?),
            (Some(Enum), "EndEnum") => self.end_enum(operands(words)?),
            (Some(Enum), word) if word.starts_with("0b") => self.value(word, operands(words)?),
            (Some(Sysreg | SysregFields | Prefix), _) => match keyword {
                "Res0" | "Res1" | "Unkn" | "Raz" => self.mask(keyword, operands(words)?),
                "Field" => self.field(operands(words)?, Kind::Plain),
                "Enum" => self.begin_enum(operands(words)?, None),
                "UnsignedEnum" => self.begin_enum(operands(words)?, Some(false)),
                "SignedEnum" => self.begin_enum(operands(words)?, Some(true)),
                _ => Err(unexpected(block, words)),
            },
            _ => Err(unexpected(block, words)),
        }
    }

    /// The open register or shared layout.
    fn open(&mut self) -> &mut Open {
        self.open
            .as_mut()
            .expect("these statements are accepted inside a block only")
    }

    fn push(&mut self, kind: BlockKind) {
        self.blocks.push(Block {
            kind,
            line: self.line,
        });
    }

    fn begin(&mut self, kind: BlockKind, name: &str, encoding: Option<Encoding>) {
        self.push(kind);
        self.open = Some(Open {
            name: name.into(),
            encoding,
            prefixed: Vec::new(),
            layout: Layout::named(None, name),
            body: None,
            next_bit: 63,
        });
    }

    fn begin_shared(&mut self, [name]: [&str; 1]) -> Statement {
        symbol(name)?;
        if self.table.shared(name).is_some() {
            return Err(format!("duplicate SysregFields definition for {name}"));
        }
        self.begin(BlockKind::SysregFields, name, None);
        Ok(())
    }

    fn begin_register(&mut self, words: [&str; 6]) -> Statement {
        let [name, op0, op1, crn, crm, op2] = words;
        symbol(name)?;
        if self.table.register(name).is_some() {
            return Err(format!("duplicate Sysreg definition for {name}"));
        }
        let encoding = Encoding {
            op0: operand("op0", op0, 3)?,
            op1: operand("op1", op1, 7)?,
            crn: operand("CRn", crn, 15)?,
            crm: operand("CRm", crm, 15)?,
            op2: operand("op2", op2, 7)?,
        };
        self.begin(BlockKind::Sysreg, name, Some(encoding));
        Ok(())
    }

    /// Takes the block that ends; every bit of it has to be described.
    fn end(&mut self) -> Result<Open, String> {
        let open = self.open();
        if open.next_bit >= 0 {
            return Err(format!(
                "unspecified bits in {}: {}:0",
                open.name, open.next_bit
            ));
        }
        self.blocks.pop();
        Ok(self.open.take().expect("checked above"))
    }

    fn end_shared(&mut self, []: [&str; 0]) -> Statement {
        let open = self.end()?;
        self.table.shared.push(Shared {
            name: open.name,
            prefixed: open.prefixed,
            layout: open.layout,
        });
        Ok(())
    }

    fn end_register(&mut self, []: [&str; 0]) -> Statement {
        let open = self.end()?;
        self.table.registers.push(Register {
            name: open.name,
            encoding: open.encoding.expect("a Sysreg block has one"),
            prefixed: open.prefixed,
            body: open.body.unwrap_or(Body::Own(open.layout)),
        });
        Ok(())
    }

    fn reference(&mut self, keyword: &str, [name]: [&str; 1]) -> Statement {
        symbol(name)?;
        let open = self.open();
        if open.next_bit != 63 {
            return Err(format!("some fields already defined for {}", open.name));
        }
        open.next_bit = -1;
        open.body = Some(match keyword {
            "Fields" => Body::Fields(name.into()),
            _ => Body::Mapping(name.into()),
        });
        let name = open.name.clone();
        self.references.push((self.line, name));
        Ok(())
    }

    fn begin_prefix(&mut self, [prefix]: [&str; 1]) -> Statement {
        symbol(prefix)?;
        let open = self.open();
        let name = &open.name;
        if open.next_bit < 63 {
            return Err(format!(
                "prefixed fields must precede non-prefixed fields ({name})"
            ));
        }
        let seen = |layout: &Layout| layout.prefix.as_deref() == Some(prefix);
        if open.prefixed.iter().any(seen) {
            return Err(format!("duplicate prefix {prefix} for {name}"));
        }
        open.layout = Layout::named(Some(prefix), name);
        self.push(BlockKind::Prefix);
        Ok(())
    }

    fn end_prefix(&mut self, []: [&str; 0]) -> Statement {
        let open = self.open();
        if open.next_bit >= 0 {
            let prefix = open.layout.prefix.as_deref().unwrap_or("");
            return Err(format!(
                "unspecified bits in prefix {prefix} for {}: {}:0",
                open.name, open.next_bit
            ));
        }
        let rest = Layout::named(None, &open.name);
        let prefixed = std::mem::replace(&mut open.layout, rest);
        open.prefixed.push(prefixed);
        open.next_bit = 63;
        self.blocks.pop();
        Ok(())
    }

    /// Takes `word`'s bits off the block's undescribed ones.
    fn bits(&mut self, what: &str, word: &str) -> Result<Bits, String> {
        let open = self.open();
        let bits = bit_range(word)?;
        let name = format!("{}.{what}", open.layout.name);
        if i64::from(bits.msb) != i64::from(open.next_bit) {
            return Err(format!(
                "{name} starts at {} not {}",
                bits.msb, open.next_bit
            ));
        }
        if bits.msb < bits.lsb {
            return Err(format!("{name} has an invalid bit-range '{word}'"));
        }
        // Not above 63, as `next_bit` never was.
        open.next_bit = bits.lsb as i32 - 1;
        Ok(bits)
    }

    fn mask(&mut self, keyword: &str, [word]: [&str; 1]) -> Statement {
        let mask = self.bits(&keyword.to_uppercase(), word)?.mask();
        let layout = &mut self.open().layout;
        match keyword {
            "Res0" => layout.res0 |= mask,
            "Res1" => layout.res1 |= mask,
            "Unkn" => layout.unkn |= mask,
            _ => layout.raz |= mask,
        }
        Ok(())
    }

    fn field(&mut self, [word, name]: [&str; 2], kind: Kind) -> Statement {
        identifier(name)?;
        let bits = self.bits(name, word)?;
        let layout = &mut self.open().layout;
        if layout.fields.iter().any(|field| field.name == name) {
            return Err(format!("duplicate field {name} in {}", layout.name));
        }
        layout.fields.push(Field {
            name: name.into(),
            bits,
            kind,
        });
        Ok(())
    }

    fn begin_enum(&mut self, words: [&str; 2], signed: Option<bool>) -> Statement {
        let values = Vec::new();
        self.field(words, Kind::Enum { signed, values })?;
        self.push(BlockKind::Enum);
        Ok(())
    }

    /// The field whose values are being listed: its name, its bits, the values so far.
    fn enumeration(&mut self) -> (&str, Bits, &mut Vec<Value>) {
        match self.open().layout.fields.last_mut() {
            Some(Field {
                name,
                bits,
                kind: Kind::Enum { values, .. },
            }) => (name, *bits, values),
            _ => unreachable!("an Enum block begins with its field"),
        }
    }

    fn value(&mut self, word: &str, [name]: [&str; 1]) -> Statement {
        identifier(name)?;
        let value = u64::from_str_radix(&word[2..], 2)
            .map_err(|_| format!("invalid Enum value '{word}'"))?;
        let (field, bits, values) = self.enumeration();
        if value > bits.max() {
            return Err(format!(
                "Enum value {word} for {name} does not fit {field}'s {} bits",
                bits.width()
            ));
        }
        if values.iter().any(|other| other.value == value) {
            return Err(format!("duplicate Enum value {word} for {name}"));
        }
        if values.iter().any(|other| other.name == name) {
            return Err(format!("duplicate Enum name {name} in {field}"));
        }
        values.push(Value {
            name: name.into(),
            value,
        });
        Ok(())
    }

    fn end_enum(&mut self, []: [&str; 0]) -> Statement {
        let (field, _, values) = self.enumeration();
        if values.is_empty() {
            return Err(format!("no values in Enum {field}"));
        }
        self.blocks.pop();
        Ok(())
    }

    /// Follows every `Fields` and `Mapping`, now that all blocks are known.
    ///
    /// The kernel's generator never looks where they lead, and one line of Linux 7.3's table
    /// leads nowhere: that is a warning. Going round in circles is an error.
    fn resolve(&mut self) -> Statement {
        let table = &mut self.table;
        for (line, name) in &self.references {
            let mut seen = vec![name.as_str()];
            while let Some(reg) = seen.last().and_then(|name| table.register(name)) {
                let target = match &reg.body {
                    Body::Own(_) => break,
                    Body::Fields(shared) if table.shared(shared).is_some() => break,
                    Body::Mapping(other) if table.register(other).is_some() => other,
                    Body::Fields(other) | Body::Mapping(other) => {
                        let what =
                            format!("{}:{line}: {name}: nothing describes {other}", table.path);
                        table.warnings.push((name.clone(), what));
                        break;
                    }
                };
                if seen.contains(&target.as_str()) {
                    return Err(format!("{}:{line}: {name} maps to itself", table.path));
                }
                seen.push(target);
            }
        }
        Ok(())
    }
}

impl Layout {
    fn named(prefix: Option<&str>, name: &str) -> Self {
        Layout {
            name: prefix.map_or(name.into(), |prefix| format!("{prefix}_{name}")),
            prefix: prefix.map(String::from),
            ..Layout::default()
        }
    }
}

fn unexpected(block: Option<BlockKind>, words: &[&str]) -> String {
    let place = block.map_or("outside every block".into(), |block| {
        format!("in a {} block", block.keyword())
    });
    format!("unexpected '{}' {place}", words.join(" "))
}
