/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm GICv5: the architecture model as a QEMU device.
 *
 * No rule of the architecture is here: what a register means, who may touch
 * it and which line is asserted is the model's to say (gicv5_model.h). This
 * file only carries its questions and answers to and from QEMU.
 *
 * Locking: the model wants its calls serialised, and the BQL does that. MMIO,
 * GPIO inputs and resets come with the BQL held, register accesses get it by
 * ARM_CP_IO; the access checks, which QEMU makes without it, take it here.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "exec/address-spaces.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "hw/intc/arm_gicv5_model.h"
#include "migration/vmstate.h"
#include "cpu.h"
#include "cpregs.h"
#include "cpu-features.h"
#include "internals.h"
#include "gicv5_model.h"
#include "trace.h"

QEMU_BUILD_BUG_ON(GICV5_MODEL_MAX_PES != GICV5_MAX_PES);
QEMU_BUILD_BUG_ON(GICV5_MODEL_NR_PPIS != GICV5_NR_PPIS);
QEMU_BUILD_BUG_ON(GICV5_MODEL_IRS_SIZE != GICV5_IRS_FRAME_SIZE);

/* Where each of the model's lines enters the CPU. */
static const struct {
    uint32_t bit;
    int cpu_input;
    const char *name;
} gicv5_lines_out[] = {
    { GICV5_LINE_IRQ,  ARM_CPU_IRQ,   "IRQ" },
    { GICV5_LINE_NMI,  ARM_CPU_NMI,   "NMI" },
    { GICV5_LINE_VIRQ, ARM_CPU_VIRQ,  "VIRQ" },
    { GICV5_LINE_VNMI, ARM_CPU_VINMI, "VNMI" },
};

/* What the CPU's register definitions point at. */
typedef struct GICv5ModelReg {
    GICv5ModelState *s;
    size_t index;
    const struct gicv5_sysreg *desc;
} GICv5ModelReg;

struct GICv5ModelState {
    SysBusDevice parent_obj;

    uint32_t num_cpu;
    uint32_t num_spi;
    bool virt;
    uint32_t lpi_id_bits;
    bool ist_linear_only;
    bool gicmnt;
    uint64_t high_ppis;
    uint32_t vm_id_bits;
    bool vmt_two_level;
    uint32_t vmd_log2;
    uint32_t vped_log2;
    uint32_t vpe_id_bits;
    uint32_t istmd_id_bits;
    uint32_t ist_l2_sizes;
    uint32_t delay_steps;
    uint32_t stuck_offset;

    struct gicv5 *gic;
    GICv5ModelReg *regs;
    MemoryRegion irs;
    QEMUTimer *clock;
    /* The model's state, while it is being saved or loaded. */
    uint8_t *saved;
    uint32_t saved_len;
    uint32_t lines[GICV5_MAX_PES];
    qemu_irq out[GICV5_MAX_PES][ARRAY_SIZE(gicv5_lines_out)];
};

/* From the model to QEMU */

static void gicv5_model_lines(void *opaque, uint32_t pe, uint32_t lines)
{
    GICv5ModelState *s = opaque;
    uint32_t changed = s->lines[pe] ^ lines;

    s->lines[pe] = lines;
    for (int i = 0; i < ARRAY_SIZE(gicv5_lines_out); i++) {
        bool level = lines & gicv5_lines_out[i].bit;

        if (changed & gicv5_lines_out[i].bit) {
            trace_gicv5_model_line(pe, gicv5_lines_out[i].name, level);
            qemu_set_irq(s->out[pe][i], level);
        }
    }
}

/*
 * The model must not be called from its own callbacks, and a device behind
 * the address could do that by raising a wire: memory and nothing else.
 */
static const MemTxAttrs gicv5_model_attrs = { .memory = 1 };

static bool gicv5_model_mem_read(void *opaque, uint64_t pa, void *buf,
                                 size_t len)
{
    bool ok = address_space_read(&address_space_memory, pa, gicv5_model_attrs,
                                 buf, len) == MEMTX_OK;

    trace_gicv5_model_mem(pa, len, "read", ok);
    return ok;
}

static bool gicv5_model_mem_write(void *opaque, uint64_t pa, const void *buf,
                                  size_t len)
{
    bool ok = address_space_write(&address_space_memory, pa, gicv5_model_attrs,
                                  buf, len) == MEMTX_OK;

    trace_gicv5_model_mem(pa, len, "write", ok);
    return ok;
}

static void gicv5_model_guest_error(void *opaque, const char *msg)
{
    qemu_log_mask(LOG_GUEST_ERROR, "gicv5: %s\n", msg);
}

/* System registers and instructions */

static uint32_t gicv5_model_pe(CPUARMState *env)
{
    return env_cpu(env)->cpu_index;
}

static struct gicv5_pe_state gicv5_model_pe_state(CPUARMState *env)
{
    int el = arm_current_el(env);

    return (struct gicv5_pe_state) {
        .el = el,
        .el2 = arm_is_el2_enabled(env),
        .hcr_el2 = arm_hcr_el2_eff(env),
        .nmi = cpu_isar_feature(aa64_nmi, env_archcpu(env)) &&
               (arm_sctlr(env, el) & SCTLR_NMI),
    };
}

static CPAccessResult gicv5_model_reg_access(CPUARMState *env,
                                             const ARMCPRegInfo *ri,
                                             bool isread)
{
    const GICv5ModelReg *reg = ri->opaque;
    const struct gicv5_pe_state state = gicv5_model_pe_state(env);
    uint32_t pe = gicv5_model_pe(env);
    const char *outcome = "UNDEFINED";
    CPAccessResult result = CP_ACCESS_UNDEFINED;

    BQL_LOCK_GUARD();
    switch (gicv5_sysreg_check(reg->s->gic, pe, reg->index, !isread, &state)) {
    case GICV5_OK:
    case GICV5_MEMORY:
        /* What goes to memory QEMU sends there, by nv2_redirect_offset. */
        return CP_ACCESS_OK;
    case GICV5_TRAP_EL2:
        outcome = "trap to EL2";
        result = CP_ACCESS_TRAP_EL2;
        break;
    case GICV5_UNDEF:
        break;
    }
    trace_gicv5_model_sysreg_denied(pe, state.el, reg->desc->name,
                                    isread ? "read" : "write", outcome);
    return result;
}

static uint64_t gicv5_model_reg_read(CPUARMState *env, const ARMCPRegInfo *ri)
{
    const GICv5ModelReg *reg = ri->opaque;
    const struct gicv5_pe_state state = gicv5_model_pe_state(env);
    uint32_t pe = gicv5_model_pe(env);
    uint64_t value = gicv5_sysreg_read(reg->s->gic, pe, reg->index, &state);

    trace_gicv5_model_sysreg_read(pe, state.el, reg->desc->name, value);
    return value;
}

static void gicv5_model_reg_write(CPUARMState *env, const ARMCPRegInfo *ri,
                                  uint64_t value)
{
    const GICv5ModelReg *reg = ri->opaque;
    const struct gicv5_pe_state state = gicv5_model_pe_state(env);
    uint32_t pe = gicv5_model_pe(env);

    trace_gicv5_model_sysreg_write(pe, state.el, reg->desc->name, value);
    gicv5_sysreg_write(reg->s->gic, pe, reg->index, value, &state);
}

/*
 * A CPU resets its registers when the machine is reset and when PSCI CPU_ON
 * brings it up. Its timers and PMU stop then without lowering their outputs,
 * and it forgets its interrupt inputs; put both right.
 */
static void gicv5_model_reg_reset(CPUARMState *env, const ARMCPRegInfo *ri)
{
    const GICv5ModelReg *reg = ri->opaque;
    GICv5ModelState *s = reg->s;
    uint32_t pe = gicv5_model_pe(env);

    BQL_LOCK_GUARD();
    trace_gicv5_model_reset_pe(pe);
    for (uint32_t id = 0; id < GICV5_NR_PPIS; id++) {
        gicv5_set_ppi(s->gic, pe, id, false);
    }
    gicv5_reset_pe(s->gic, pe);
    s->lines[pe] = ~gicv5_lines(s->gic, pe);
    gicv5_model_lines(s, pe, gicv5_lines(s->gic, pe));
}

/* QEMU's own check of op1 against the Exception level has to be met. */
static CPAccessRights gicv5_model_reg_rights(const struct gicv5_sysreg *desc)
{
    bool el2 = desc->op1 == 4 || desc->op1 == 5;
    CPAccessRights rights = 0;

    if (desc->readable) {
        rights |= el2 ? PL2_R : PL1_R;
    }
    if (desc->writable) {
        rights |= el2 ? PL2_W : PL1_W;
    }
    return rights;
}

static void gicv5_model_define_regs(GICv5ModelState *s, ARMCPU *cpu)
{
    for (size_t i = 0; i < gicv5_num_sysregs(); i++) {
        const struct gicv5_sysreg *desc = s->regs[i].desc;
        const ARMCPRegInfo ri = {
            .name = desc->name,
            .state = ARM_CP_STATE_AA64,
            .opc0 = desc->op0,
            .opc1 = desc->op1,
            .crn = desc->crn,
            .crm = desc->crm,
            .opc2 = desc->op2,
            .access = gicv5_model_reg_rights(desc),
            .nv2_redirect_offset = desc->vncr_offset,
            .type = ARM_CP_IO | ARM_CP_NO_RAW,
            .accessfn = gicv5_model_reg_access,
            .readfn = gicv5_model_reg_read,
            .writefn = gicv5_model_reg_write,
            /* Once for the whole interface. */
            .resetfn = i == 0 ? gicv5_model_reg_reset : arm_cp_reset_ignore,
        };

        define_one_arm_cp_reg_with_opaque(cpu, &ri, &s->regs[i]);
    }
}

/* Exceptions, returns from them, and the ISB */

static void gicv5_model_el_change(ARMCPU *cpu, void *opaque)
{
    GICv5ModelState *s = opaque;
    const struct gicv5_pe_state state = gicv5_model_pe_state(&cpu->env);

    gicv5_el_change(s->gic, gicv5_model_pe(&cpu->env), &state);
}

static void gicv5_model_isb(CPUARMState *env, const ARMCPRegInfo *ri,
                            uint64_t value)
{
    GICv5ModelState *s = ri->opaque;

    gicv5_synchronize(s->gic, gicv5_model_pe(env));
}

/* With the encoding of ISB, which writes it. */
static void gicv5_model_hook_isb(GICv5ModelState *s, ARMCPU *cpu)
{
    static const ARMCPRegInfo ri = {
        .name = "ISB",
        .state = ARM_CP_STATE_AA64,
        .opc0 = 0,
        .opc1 = 3,
        .crn = 3,
        .crm = 15,
        .opc2 = 6,
        .access = PL0_W,
        .type = ARM_CP_IO | ARM_CP_NO_RAW,
        .writefn = gicv5_model_isb,
        .resetfn = arm_cp_reset_ignore,
    };

    define_one_arm_cp_reg_with_opaque(cpu, &ri, s);
}

/* The IRS configuration frame */

/* The PE that accesses it: none if it is a device or the monitor. */
static uint32_t gicv5_model_accessing_pe(void)
{
    return current_cpu ? current_cpu->cpu_index : GICV5_NO_PE;
}

static MemTxResult gicv5_model_irs_read(void *opaque, hwaddr offset,
                                        uint64_t *value, unsigned size,
                                        MemTxAttrs attrs)
{
    GICv5ModelState *s = opaque;
    bool ok;

    *value = 0;
    ok = gicv5_irs_read(s->gic, gicv5_model_accessing_pe(), offset, size,
                        value);
    trace_gicv5_model_irs_read(offset, size, *value, ok);
    return ok ? MEMTX_OK : MEMTX_ERROR;
}

static MemTxResult gicv5_model_irs_write(void *opaque, hwaddr offset,
                                         uint64_t value, unsigned size,
                                         MemTxAttrs attrs)
{
    GICv5ModelState *s = opaque;
    bool ok = gicv5_irs_write(s->gic, gicv5_model_accessing_pe(), offset, size,
                              value);

    trace_gicv5_model_irs_write(offset, size, value, ok);
    return ok ? MEMTX_OK : MEMTX_ERROR;
}

static const MemoryRegionOps gicv5_model_irs_ops = {
    .read_with_attrs = gicv5_model_irs_read,
    .write_with_attrs = gicv5_model_irs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 8 },
};

/* Wires in */

static void gicv5_model_set_ppi(void *opaque, int n, int level)
{
    GICv5ModelState *s = opaque;
    uint32_t pe = n / GICV5_NR_PPIS;
    uint32_t id = n % GICV5_NR_PPIS;

    trace_gicv5_model_ppi(pe, id, level);
    gicv5_set_ppi(s->gic, pe, id, level);
}

static void gicv5_model_set_spi(void *opaque, int n, int level)
{
    GICv5ModelState *s = opaque;

    trace_gicv5_model_spi(n, level);
    gicv5_set_spi(s->gic, n, level);
}

/* The device */

/*
 * With delay-steps operations wait for accesses to the GIC, and nobody need
 * make any: time has to pass, too.
 */
#define GICV5_MODEL_STEP_NS 20000

static void gicv5_model_tick(void *opaque)
{
    GICv5ModelState *s = opaque;

    gicv5_step(s->gic);
    timer_mod(s->clock, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                        GICV5_MODEL_STEP_NS);
}

static void gicv5_model_reset(Object *obj, ResetType type)
{
    GICv5ModelState *s = ARM_GICV5_MODEL(obj);

    trace_gicv5_model_reset();
    gicv5_reset(s->gic);
}

static bool gicv5_model_create(GICv5ModelState *s, Error **errp)
{
    const struct gicv5_config config = {
        .num_pes = s->num_cpu,
        .num_spis = s->num_spi,
        .virt = s->virt,
        .lpi_id_bits = s->lpi_id_bits,
        .ist_linear_only = s->ist_linear_only,
        .no_gicmnt = !s->gicmnt,
        .high_ppis = s->high_ppis,
        .vm_id_bits = s->vm_id_bits,
        .vmt_two_level = s->vmt_two_level,
        .vmd_log2 = s->vmd_log2,
        .vped_log2 = s->vped_log2,
        .vpe_id_bits = s->vpe_id_bits,
        .istmd_id_bits = s->istmd_id_bits,
        .ist_l2_sizes = s->ist_l2_sizes,
        .delay_steps = s->delay_steps,
        .stuck_offset = s->stuck_offset,
    };
    const struct gicv5_callbacks callbacks = {
        .opaque = s,
        .lines = gicv5_model_lines,
        .mem_read = gicv5_model_mem_read,
        .mem_write = gicv5_model_mem_write,
        .guest_error = gicv5_model_guest_error,
    };
    const char *why = "no reason given";

    s->gic = gicv5_new(&config, &callbacks, &why);
    if (!s->gic) {
        error_setg(errp, "gicv5: %s", why);
        return false;
    }
    return true;
}

static void gicv5_model_realize(DeviceState *dev, Error **errp)
{
    GICv5ModelState *s = ARM_GICV5_MODEL(dev);

    if (!gicv5_model_create(s, errp)) {
        return;
    }

    s->regs = g_new(GICv5ModelReg, gicv5_num_sysregs());
    for (size_t i = 0; i < gicv5_num_sysregs(); i++) {
        s->regs[i] = (GICv5ModelReg) { s, i, gicv5_sysreg(i) };
    }

    for (int pe = 0; pe < s->num_cpu; pe++) {
        ARMCPU *cpu = ARM_CPU(qemu_get_cpu(pe));

        if (!cpu || !arm_feature(&cpu->env, ARM_FEATURE_AARCH64)) {
            error_setg(errp, "gicv5: CPU %d is not an AArch64 CPU", pe);
            return;
        }
        for (int i = 0; i < ARRAY_SIZE(gicv5_lines_out); i++) {
            s->out[pe][i] = qdev_get_gpio_in(DEVICE(cpu),
                                             gicv5_lines_out[i].cpu_input);
        }
        gicv5_model_define_regs(s, cpu);
        cpu->env.gcie = true;
        arm_register_el_change_hook(cpu, gicv5_model_el_change, s);
        if (s->delay_steps) {
            gicv5_model_hook_isb(s, cpu);
        }
    }

    qdev_init_gpio_in(dev, gicv5_model_set_spi, s->num_spi);
    qdev_init_gpio_in_named(dev, gicv5_model_set_ppi, "ppi",
                            s->num_cpu * GICV5_NR_PPIS);

    memory_region_init_io(&s->irs, OBJECT(s), &gicv5_model_irs_ops, s,
                          "gicv5-irs", GICV5_IRS_FRAME_SIZE);
    sysbus_init_mmio(SYS_BUS_DEVICE(dev), &s->irs);

    if (s->delay_steps) {
        s->clock = timer_new_ns(QEMU_CLOCK_VIRTUAL, gicv5_model_tick, s);
        timer_mod(s->clock, GICV5_MODEL_STEP_NS);
    }
}

static const Property gicv5_model_properties[] = {
    DEFINE_PROP_UINT32("num-cpu", GICv5ModelState, num_cpu, 1),
    DEFINE_PROP_UINT32("num-spi", GICv5ModelState, num_spi, 256),
    DEFINE_PROP_BOOL("virt", GICv5ModelState, virt, true),
    DEFINE_PROP_UINT32("lpi-id-bits", GICv5ModelState, lpi_id_bits, 0),
    DEFINE_PROP_BOOL("ist-linear-only", GICv5ModelState, ist_linear_only,
                     false),
    DEFINE_PROP_BOOL("gicmnt", GICv5ModelState, gicmnt, true),
    DEFINE_PROP_UINT64("high-ppis", GICv5ModelState, high_ppis, 0),
    DEFINE_PROP_UINT32("vm-id-bits", GICv5ModelState, vm_id_bits, 0),
    DEFINE_PROP_BOOL("vmt-two-level", GICv5ModelState, vmt_two_level, false),
    DEFINE_PROP_UINT32("vmd-log2", GICv5ModelState, vmd_log2, 0),
    DEFINE_PROP_UINT32("vped-log2", GICv5ModelState, vped_log2, 0),
    DEFINE_PROP_UINT32("vpe-id-bits", GICv5ModelState, vpe_id_bits, 0),
    DEFINE_PROP_UINT32("istmd-id-bits", GICv5ModelState, istmd_id_bits, 0),
    DEFINE_PROP_UINT32("ist-l2-sizes", GICv5ModelState, ist_l2_sizes, 0),
    DEFINE_PROP_UINT32("delay-steps", GICv5ModelState, delay_steps, 0),
    DEFINE_PROP_UINT32("stuck-offset", GICv5ModelState, stuck_offset, 0),
};

static void gicv5_model_saved_free(GICv5ModelState *s)
{
    g_free(s->saved);
    s->saved = NULL;
    s->saved_len = 0;
}

static int gicv5_model_pre_save(void *opaque)
{
    GICv5ModelState *s = opaque;

    s->saved_len = gicv5_save(s->gic, NULL, 0);
    s->saved = g_malloc(s->saved_len);
    gicv5_save(s->gic, s->saved, s->saved_len);
    return 0;
}

static int gicv5_model_post_save(void *opaque)
{
    gicv5_model_saved_free(opaque);
    return 0;
}

static int gicv5_model_pre_load(void *opaque)
{
    gicv5_model_saved_free(opaque);
    return 0;
}

static int gicv5_model_post_load(void *opaque, int version_id)
{
    GICv5ModelState *s = opaque;
    bool ok = gicv5_restore(s->gic, s->saved, s->saved_len);

    gicv5_model_saved_free(s);
    if (!ok) {
        error_report("gicv5: the saved state is not that of such a GIC");
        return -EINVAL;
    }
    return 0;
}

/* The state is the model's, and opaque: only the same model can load it. */
static const VMStateDescription gicv5_model_vmstate = {
    .name = TYPE_ARM_GICV5_MODEL,
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = gicv5_model_pre_save,
    .post_save = gicv5_model_post_save,
    .pre_load = gicv5_model_pre_load,
    .post_load = gicv5_model_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(saved_len, GICv5ModelState),
        VMSTATE_VBUFFER_ALLOC_UINT32(saved, GICv5ModelState, 0, NULL,
                                     saved_len),
        VMSTATE_END_OF_LIST()
    }
};

static void gicv5_model_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "Arm GICv5 (architecture model)";
    dc->realize = gicv5_model_realize;
    dc->vmsd = &gicv5_model_vmstate;
    device_class_set_props(dc, gicv5_model_properties);
    rc->phases.hold = gicv5_model_reset;
}

static const TypeInfo gicv5_model_info = {
    .name = TYPE_ARM_GICV5_MODEL,
    .parent = TYPE_SYS_BUS_DEVICE,
    .instance_size = sizeof(GICv5ModelState),
    .class_init = gicv5_model_class_init,
};

static void gicv5_model_register_types(void)
{
    type_register_static(&gicv5_model_info);
}

type_init(gicv5_model_register_types)
