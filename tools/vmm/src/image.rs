// SPDX-License-Identifier: GPL-2.0
//! What is loaded into the guest's memory, and where
//! (Documentation/arch/arm64/booting.rst).

use anyhow::{bail, ensure, Context, Result};

use crate::layout::MEMORY;

/// An Image's place: from the start of memory, or beyond it.
const HEADER_LEN: usize = 64;
const MAGIC: &[u8] = b"ARM\x64";
/// The device tree's place and alignment; it may not be larger.
const FDT_MAX: u64 = 2 << 20;
/// Kernel, initramfs and device tree stay within this much of memory, which
/// any kernel maps early.
const WINDOW: u64 = 1 << 30;

/// Where the pieces go, as guest physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The Image's first byte, which is also where it is entered.
    pub kernel: u64,
    /// The initramfs's first byte.
    pub initrd: u64,
    /// The device tree's.
    pub fdt: u64,
}

/// Decides where an Image and an initramfs of `initrd` bytes go, in a guest
/// with `memory` bytes.
pub fn places(image: &[u8], initrd: u64, memory: u64) -> Result<Places> {
    let (offset, size) = header(image)?;
    let kernel = MEMORY + offset;
    let fdt = (MEMORY + memory.min(WINDOW) - FDT_MAX) & !(FDT_MAX - 1);
    let end = kernel
        .checked_add(size)
        .context("the kernel's Image header is damaged")?;
    let initrd = fdt
        .checked_sub(initrd)
        .map(|start| start & !0xfff)
        .filter(|&start| start >= end)
        .with_context(|| {
            format!(
                "kernel ({} MiB), initramfs ({} MiB) and device tree do not fit into the guest's memory",
                size >> 20,
                initrd >> 20
            )
        })?;
    Ok(Places {
        kernel,
        initrd,
        fdt,
    })
}

/// An Image's offset from a 2 MiB boundary, and what it takes in memory.
fn header(image: &[u8]) -> Result<(u64, u64)> {
    if image.starts_with(&[0x1f, 0x8b]) {
        bail!("the kernel is compressed by gzip: an uncompressed Image is needed");
    }
    if image.get(4..8) == Some(b"zimg") {
        bail!("the kernel is a compressed EFI image: an uncompressed Image is needed");
    }
    ensure!(
        image.len() >= HEADER_LEN && &image[56..60] == MAGIC,
        "the kernel is not an arm64 Image"
    );
    let field = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&image[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    Ok((field(8), field(16).max(image.len() as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(offset: u64, size: u64) -> Vec<u8> {
        let mut image = vec![0; 4096];
        image[8..16].copy_from_slice(&offset.to_le_bytes());
        image[16..24].copy_from_slice(&size.to_le_bytes());
        image[56..60].copy_from_slice(MAGIC);
        image
    }

    #[test]
    fn nothing_overlaps_and_all_is_in_memory() {
        let p = places(&image(0x8_0000, 16 << 20), 5 << 20 | 1, 64 << 20).unwrap();
        assert_eq!(p.kernel, 0x4008_0000);
        assert_eq!(p.fdt, 0x43e0_0000);
        assert_eq!(p.initrd, 0x438f_f000);
        // With much memory, all the same near its start.
        let p = places(&image(0, 16 << 20), 0, 8 << 30).unwrap();
        assert!(p.fdt < MEMORY + WINDOW);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let image = image(0, 16 << 20);
        assert!(places(&image, 46 << 20, 64 << 20).is_ok());
        assert!(places(&image, (46 << 20) + 1, 64 << 20).is_err());
        assert!(places(&image, u64::MAX, 64 << 20).is_err());
    }

    #[test]
    fn what_is_no_image_is_told() {
        let error = |image: &[u8]| places(image, 0, 64 << 20).unwrap_err().to_string();
        assert!(error(&[0; 4096]).contains("not an arm64 Image"));
        assert!(error(b"").contains("not an arm64 Image"));
        assert!(error(&[0x1f, 0x8b, 8, 0]).contains("gzip"));
        assert!(error(b"MZ\0\0zimg").contains("EFI"));
        assert!(error(&image(u64::MAX - 0x4000_0000, 4096)).contains("damaged"));
    }
}
