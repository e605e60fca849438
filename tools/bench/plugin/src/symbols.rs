// SPDX-License-Identifier: GPL-2.0
//! What the kernel's System.map says about where things are.

use std::collections::HashMap;
use std::ops::Range;

/// Functions whose names begin so are the vGIC's. The rest of KVM calls it
/// through some of them, and so what they call in turn is the vGIC's too.
const VGIC: [&str; 4] = ["kvm_vgic_", "vgic_", "__vgic_", "access_gicv5_"];

/// What the kernel runs at EL2 when it is not VHE; another object's code.
const NVHE: &str = "__kvm_nvhe_";

/// Size of an AArch64 exception vector table, in bytes.
const VECTORS: u64 = 0x800;

/// The addresses that the bench watches.
#[derive(Debug)]
pub struct Symbols {
    /// The vGIC's functions: where they begin, their names' indices.
    vgic: HashMap<u64, usize>,
    names: Vec<String>,
    /// The kernel's own image. Kernel addresses outside it are a module's.
    image: Range<u64>,
    /// The function that enters a guest, and only that.
    entry: Range<u64>,
    /// The vectors that guests exit to.
    vectors: Vec<Range<u64>>,
}

impl Symbols {
    /// Reads a System.map.
    ///
    /// # Errors
    ///
    /// Text that says what is not as expected.
    pub fn parse(map: &str) -> Result<Self, String> {
        let mut at = HashMap::new();
        let mut vgic = HashMap::new();
        let mut names = Vec::new();
        for (number, line) in map.lines().enumerate() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                return Err(format!("line {}: {line:?} is no symbol", number + 1));
            };
            let address = u64::from_str_radix(address, 16)
                .map_err(|e| format!("line {}: {address:?}: {e}", number + 1))?;
            at.insert(name, address);
            if matches!(kind, "t" | "T" | "w" | "W")
                && !name.starts_with(NVHE)
                && VGIC.iter().any(|prefix| name.starts_with(prefix))
            {
                vgic.insert(address, names.len());
                names.push(name.to_owned());
            }
        }
        let find = |name: &str| {
            at.get(name)
                .copied()
                .ok_or_else(|| format!("there is no symbol {name}"))
        };
        let vectors = |name| find(name).map(|start| start..start + VECTORS);
        Ok(Self {
            vgic,
            names,
            image: find("_text")?..find("_end")?,
            entry: find("__guest_enter")?..find("__guest_exit_restore_elr_and_panic")?,
            vectors: vec![vectors("__kvm_hyp_vector")?],
        })
    }

    /// The number of the vGIC's function that begins at `address`.
    pub fn vgic(&self, address: u64) -> Option<usize> {
        self.vgic.get(&address).copied()
    }

    /// The name of function `number`; that of modules' code if there is none.
    pub fn name(&self, number: Option<usize>) -> &str {
        number.map_or("module", |number| &self.names[number])
    }

    /// Whether `address` is the kernel's, be it the image or a module. The
    /// upper half of the address space is; a guest of the bench has no code
    /// there, as the selftest library maps guests in the lower half only.
    pub fn is_kernel(address: u64) -> bool {
        address >> 63 == 1
    }

    /// Whether `address` is in a module.
    pub fn is_module(&self, address: u64) -> bool {
        Self::is_kernel(address) && !self.image.contains(&address)
    }

    /// Whether an exception return at `address` enters a guest.
    pub fn enters_guest(&self, address: u64) -> bool {
        self.entry.contains(&address)
    }

    /// Whether `address` is in the vectors that guests exit to.
    pub fn is_guest_exit(&self, address: u64) -> bool {
        self.vectors.iter().any(|range| range.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
ffff800080000000 T _text
ffff800080071c24 T kvm_vgic_sync_hwstate
ffff800080071d2c t vgic_prune_ap_list
ffff80008008e94c T __guest_enter
ffff80008008ea0c T __guest_exit_restore_elr_and_panic
ffff80008008f800 T __kvm_hyp_vector
ffff800080100000 D vgic_some_data
ffff800080200000 T __kvm_nvhe___vgic_v5_save_apr
ffff800080300000 B _end
";

    #[test]
    fn finds_what_is_watched() {
        let symbols = Symbols::parse(MAP).unwrap();
        let sync = symbols.vgic(0xffff_8000_8007_1c24);
        assert!(sync.is_some());
        assert_eq!(symbols.name(sync), "kvm_vgic_sync_hwstate");
        assert!(symbols.vgic(0xffff_8000_8007_1d2c).is_some());
        assert_eq!(symbols.vgic(0xffff_8000_8007_1c28), None);
        assert_eq!(symbols.vgic(0xffff_8000_8010_0000), None, "data");
        assert_eq!(symbols.vgic(0xffff_8000_8020_0000), None, "nVHE");
        assert!(symbols.enters_guest(0xffff_8000_8008_ea08));
        assert!(!symbols.enters_guest(0xffff_8000_8008_ea0c));
        assert!(symbols.is_guest_exit(0xffff_8000_8008_fc00));
        assert!(!symbols.is_guest_exit(0xffff_8000_8009_0000));
    }

    #[test]
    fn tells_modules_from_the_image_and_from_guests() {
        let symbols = Symbols::parse(MAP).unwrap();
        assert!(symbols.is_module(0xffff_8000_7a00_0000));
        assert!(!symbols.is_module(0xffff_8000_8000_0000));
        assert!(!symbols.is_module(0x40_0000));
        assert!(!Symbols::is_kernel(0x40_0000));
    }

    #[test]
    fn says_what_is_missing() {
        let map = MAP.replace("__guest_enter", "guest_enter");
        assert_eq!(
            Symbols::parse(&map).unwrap_err(),
            "there is no symbol __guest_enter"
        );
        assert!(Symbols::parse("nonsense").is_err());
    }
}
