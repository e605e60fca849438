// SPDX-License-Identifier: GPL-2.0
//! vmm: boot a Linux guest on arm64's KVM. See `vmm --help`.

use std::process::ExitCode;

use vmm::args;

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(None) => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => run(&options),
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("vmm: {error:#}");
    ExitCode::FAILURE
}

#[cfg(target_arch = "aarch64")]
fn run(options: &args::Options) -> ExitCode {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use vmm::terminal::RawMode;
    use vmm::vcpu::End;
    use vmm::vm::Vm;

    let ended = Vm::new(options).and_then(|vm| {
        let _raw = RawMode::new();
        vm.run()
    });
    match ended {
        Ok(End::PowerOff | End::Quit) => ExitCode::SUCCESS,
        // A new process image is a new machine, with the interrupt controller
        // that KVM has no reset for: KVM's file descriptors are closed with
        // the old one, and its threads are gone.
        Ok(End::Reset(call)) => {
            eprintln!("vmm: the guest resets ({call})");
            let exec = Command::new("/proc/self/exe")
                .args(std::env::args_os().skip(1))
                .exec();
            fail(&anyhow::Error::new(exec).context("cannot start the guest again"))
        }
        Ok(End::Crash) => ExitCode::from(2),
        Ok(End::Failed(error)) | Err(error) => fail(&error),
    }
}

#[cfg(not(target_arch = "aarch64"))]
fn run(_: &args::Options) -> ExitCode {
    fail(&anyhow::anyhow!("this program runs on arm64 only"))
}
