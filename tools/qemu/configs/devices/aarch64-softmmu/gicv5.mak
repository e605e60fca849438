# SPDX-License-Identifier: GPL-2.0-or-later
# The virt machine and what can be plugged into its virtio-mmio slots.
CONFIG_ARM_VIRT=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_SERIAL=y
