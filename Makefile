# SPDX-License-Identifier: GPL-2.0
#
# Two uses. With a kernel of your own, built with LLVM and Rust:
#
#     make KDIR=/path/to/kernel/build LLVM=1 [modules_install]
#
# builds the module out of tree (Kbuild says of what). Everything else builds
# and uses the testbed, under build/: see `make help`.

KDIR ?= /lib/modules/$(shell uname -r)/build
# Where the module's objects go; in the source directory if not given.
MO ?=

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(MO),MO=$(MO))

.PHONY: modules
modules: | kernel-has-what-rust-needs
	$(if $(MO),@mkdir -p $(MO))
	+$(kbuild) modules

.PHONY: modules_install rust-analyzer
modules_install rust-analyzer: | kernel-is-there
	+$(kbuild) $@

# Kbuild's clean deletes every object, library and module below the directory
# it is told to clean: the testbed's, its toolchain's libraries included, if
# build/ were not kept out of it.
keep-build = RCS_FIND_IGNORE='\( -name .git -o -path ./build \) -prune -o'

.PHONY: clean
clean:
	+$(if $(wildcard $(KDIR)/Makefile),$(kbuild) $(keep-build) clean,@echo 'no kernel at $(KDIR): nothing was built against it')

.PHONY: kernel-is-there
kernel-is-there:
	@test -e $(KDIR)/Makefile || { \
		echo 'no kernel build directory at $(KDIR): give one in KDIR=, or see make help' >&2; exit 1; }

# A headers package of 7.3 lacks some of these. Without this check rustc or make
# fails over a file that the reader has never heard of.
from-source = arch/arm64/tools/sysreg include/kvm/arm_vgic.h
from-build = include/generated/autoconf.h rust/libkernel.rmeta rust/libmacros.so
source = $(firstword $(wildcard $(KDIR)/source) $(KDIR))
needed = $(addprefix $(source)/,$(from-source)) $(addprefix $(KDIR)/,$(from-build))

.PHONY: kernel-has-what-rust-needs
kernel-has-what-rust-needs: | kernel-is-there
	@lacks=; for file in $(needed); do test -e $$file || lacks="$$lacks $${file#$(KDIR)/}"; done; \
	test -z "$$lacks" || { \
		echo "the kernel at $(KDIR) lacks$$lacks: a Rust module needs the build tree of a kernel with CONFIG_RUST=y" >&2; exit 1; }

# The testbed.
SMP ?= 2
MODE ?= vhe
GIC ?= 5
# qemu, or fvp with FVP=PATH (see Documentation/fvp.rst).
RUNNER ?= qemu
export RUNNER
EXTRA ?=
ONLY ?=

.PHONY: testbed
testbed:
	@scripts/testbed

.PHONY: run
run: testbed
	@scripts/run-$(if $(filter fvp,$(RUNNER)),fvp,host) --smp $(SMP) --mode $(MODE) --gic $(GIC) $(EXTRA)

# A Linux guest in the VMM in that host. KERNEL= is the guest's.
CPUS ?= 2
MEM ?= 128M
KERNEL ?=

.PHONY: guest
guest: testbed
	@scripts/guest --cpus $(CPUS) --memory $(MEM) --gic $(GIC) --host "--smp $(SMP) --mode $(MODE)" \
		$(if $(KERNEL),--kernel $(KERNEL))

.PHONY: check
check:
	@scripts/check $(ONLY)

.PHONY: docs
docs:
	@scripts/toolchain
	@scripts/docs

# Made by scripts of their own.
.PHONY: $(filter demo bench bite stress,$(notdir $(wildcard scripts/*)))
$(filter demo bench bite stress,$(notdir $(wildcard scripts/*))): testbed
	@scripts/$@

.PHONY: distclean
distclean:
	rm -rf build

.PHONY: help
help:
	@echo 'make KDIR=... LLVM=1    build the module against a kernel of yours'
	@echo 'make KDIR=... modules_install | clean | rust-analyzer'
	@echo 'make testbed            toolchain, emulator, kernel, module, all under build/'
	@echo "                        LINUX_SRC= QEMU_SRC=  trees or tarballs to take instead of Debian's"
	@echo 'make run                boot the GICv5 host to a shell'
	@echo '                        SMP=2 MODE=vhe|nvhe|hvhe|protected GIC=5|3 EXTRA="run-host options"'
	@echo 'make guest              boot a Linux guest on that host, with its console on the terminal'
	@echo '                        CPUS=2 MEM=128M KERNEL=IMAGE, and what make run takes'
	@echo 'make check              everything that should hold; ONLY="word word" for some'
	@$(if $(wildcard scripts/demo),echo 'make demo               from nothing to the module at work',:)
	@$(if $(wildcard scripts/bench),echo 'make bench              the C backend against the Rust backend',:)
	@echo 'make bite               break the code; see the selftests fail for it'
	@$(if $(wildcard scripts/stress),echo 'make stress             the debug kernel; fuzzing; fault injection',:)
	@echo "make docs               the documentation, as HTML in build/docs/html"
	@echo 'make distclean          remove build/'
