//! Runs a program with a fault at one of its system calls, whatever thread or library makes it: the
//! kernel stops the program at each of them (ptrace), and so nothing in it is built for this.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use nix::libc::{self, c_long, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What happens at a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed before the call does anything.
    Kill,
    /// The disk is full, from this call on.
    Full,
    /// The call fails with an I/O error; the next ones do not.
    Broken,
}

/// What a run was.
#[derive(Debug)]
pub(crate) struct Run {
    /// How many calls there were that the fault can hit, up to the end of the process.
    pub(crate) calls: usize,
    /// The call that was hit.
    pub(crate) hit: Option<String>,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A call that changes files.
struct Call {
    name: &'static str,
    path: PathBuf,
    /// Whether it fails where the disk is full.
    takes_space: bool,
}

/// Runs a program in a folder; the fault hits the call of this number, counted from 0, among those
/// that change anything below the folder.
pub(crate) fn run(
    program: &Path,
    arguments: &[&str],
    folder: &Path,
    fault: Fault,
    at: usize,
) -> Run {
    // Stops itself until it is traced. The tracer waits for its end, not the standard library.
    #[allow(clippy::zombie_processes)]
    let mut child = Command::new("sh")
        .args(["-c", r#"kill -STOP $$; exec "$0" "$@""#])
        .arg(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell can be started");
    let main = Pid::from_raw(child.id().try_into().expect("a process id"));
    waitpid(main, Some(WaitPidFlag::WUNTRACED)).expect("it stops");
    // Its threads; an executor that it starts is a program of its own.
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::seize(main, options).expect("a child can be traced");
    kill(main, Signal::SIGCONT).expect("a child can be continued");
    let tracer = Tracer { main, folder, fault, at, calls: 0, hit: None, inside: HashSet::new() };
    let (calls, hit, status) = tracer.follow();
    let mut output = [String::new(), String::new()];
    child.stdout.take().expect("a pipe").read_to_string(&mut output[0]).expect("text");
    child.stderr.take().expect("a pipe").read_to_string(&mut output[1]).expect("text");
    let [stdout, stderr] = output;
    Run { calls, hit, status, stdout, stderr }
}

struct Tracer<'a> {
    main: Pid,
    folder: &'a Path,
    fault: Fault,
    at: usize,
    calls: usize,
    hit: Option<String>,
    /// Threads within a system call.
    inside: HashSet<Pid>,
}

impl Tracer<'_> {
    /// Follows all threads to the end of the process.
    fn follow(mut self) -> (usize, Option<String>, ExitStatus) {
        // Not the children of other tests, which run in other threads of this process.
        let whom = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let (thread, signal) = match waitpid(None, Some(whom)).expect("there is a tracee") {
                WaitStatus::Exited(thread, code) if thread == self.main => {
                    return (self.calls, self.hit, ExitStatus::from_raw(code << 8));
                }
                WaitStatus::Signaled(thread, signal, _) if thread == self.main => {
                    return (self.calls, self.hit, ExitStatus::from_raw(signal as i32));
                }
                WaitStatus::PtraceSyscall(thread) => {
                    if !self.inside.remove(&thread) {
                        self.inside.insert(thread);
                        self.enter(thread);
                    }
                    (thread, None)
                }
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                WaitStatus::PtraceEvent(thread, ..) => (thread, None),
                _ => continue,
            };
            // A thread that was killed meanwhile cannot be continued; its end comes next.
            let _ = ptrace::syscall(thread, signal);
        }
    }

    /// Looks at a call before it does anything.
    fn enter(&mut self, thread: Pid) {
        let Ok(mut regs) = ptrace::getregs(thread) else { return };
        let call = match call(thread, &regs) {
            Some(call) if call.path.starts_with(self.folder) => call,
            _ => return,
        };
        if self.fault == Fault::Full && !call.takes_space {
            return;
        }
        let number = self.calls;
        self.calls += 1;
        let is_hit = match self.fault {
            Fault::Full => number >= self.at,
            Fault::Kill | Fault::Broken => number == self.at,
        };
        if !is_hit {
            return;
        }
        self.hit.get_or_insert_with(|| format!("{} {}", call.name, call.path.display()));
        let code = match self.fault {
            Fault::Kill => return kill(self.main, Signal::SIGKILL).expect("a child can be killed"),
            Fault::Full => libc::ENOSPC,
            Fault::Broken => libc::EIO,
        };
        // No call of this number: the kernel leaves the result that is set here.
        regs.orig_rax = u64::MAX;
        regs.rax = i64::from(-code) as u64;
        let _ = ptrace::setregs(thread, regs);
    }
}

/// Returns what a call does, if it is one that changes files.
fn call(thread: Pid, regs: &user_regs_struct) -> Option<Call> {
    let fd = |value: u64| descriptor(thread, value);
    let at = |folder: u64, name: u64| {
        let name = text(thread, name)?;
        let folder = if folder as i32 == libc::AT_FDCWD { cwd(thread) } else { fd(folder) };
        Some(folder?.join(name))
    };
    let here = |name: u64| at(libc::AT_FDCWD as u64, name);
    let made = |flags: u64| flags as i32 & libc::O_CREAT != 0;
    let changing = |flags: u64| flags as i32 & (libc::O_CREAT | libc::O_TRUNC) != 0;
    let (a, b, c, d) = (regs.rdi, regs.rsi, regs.rdx, regs.r10);
    let absent = |path: &Path| path.symlink_metadata().is_err();
    let (name, path, takes_space) = match regs.orig_rax as c_long {
        libc::SYS_write => ("write", fd(a)?, true),
        libc::SYS_writev => ("writev", fd(a)?, true),
        libc::SYS_pwrite64 => ("pwrite", fd(a)?, true),
        libc::SYS_pwritev | libc::SYS_pwritev2 => ("pwritev", fd(a)?, true),
        libc::SYS_copy_file_range => ("copy_file_range", fd(c)?, true),
        libc::SYS_sendfile => ("sendfile", fd(a)?, true),
        libc::SYS_fallocate => ("fallocate", fd(a)?, true),
        libc::SYS_fsync => ("fsync", fd(a)?, true),
        libc::SYS_fdatasync => ("fdatasync", fd(a)?, true),
        libc::SYS_syncfs => ("syncfs", fd(a)?, true),
        libc::SYS_ftruncate => ("ftruncate", fd(a)?, false),
        libc::SYS_fchmod => ("fchmod", fd(a)?, false),
        libc::SYS_open if changing(b) => {
            let path = here(a)?;
            let new = made(b) && absent(&path);
            ("open", path, new)
        }
        libc::SYS_openat if changing(c) => {
            let path = at(a, b)?;
            let new = made(c) && absent(&path);
            ("open", path, new)
        }
        libc::SYS_mkdir => {
            let path = here(a)?;
            let new = absent(&path);
            ("mkdir", path, new)
        }
        libc::SYS_mkdirat => {
            let path = at(a, b)?;
            let new = absent(&path);
            ("mkdir", path, new)
        }
        libc::SYS_rename => ("rename", here(b)?, true),
        libc::SYS_renameat | libc::SYS_renameat2 => ("rename", at(c, d)?, true),
        libc::SYS_link => ("link", here(b)?, true),
        libc::SYS_linkat => ("link", at(c, d)?, true),
        libc::SYS_unlink => ("unlink", here(a)?, false),
        libc::SYS_unlinkat => ("unlink", at(a, b)?, false),
        libc::SYS_rmdir => ("rmdir", here(a)?, false),
        libc::SYS_chmod => ("chmod", here(a)?, false),
        libc::SYS_fchmodat => ("chmod", at(a, b)?, false),
        libc::SYS_utimensat => ("utimens", at(a, b)?, false),
        _ => return None,
    };
    Some(Call { name, path, takes_space })
}

fn cwd(thread: Pid) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{thread}/cwd")).ok()
}

fn descriptor(thread: Pid, number: u64) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{thread}/fd/{}", number as i32)).ok()
}

/// Returns the text at an address of the process.
fn text(thread: Pid, address: u64) -> Option<String> {
    let memory = File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = Vec::new();
    // Not past the end of a page, which may be the last one there is.
    while bytes.len() < libc::PATH_MAX as usize {
        let from = address + bytes.len() as u64;
        let mut part = vec![0; 4096 - (from % 4096) as usize];
        let read: io::Result<usize> = memory.read_at(&mut part, from);
        part.truncate(read.ok()?);
        if let Some(end) = part.iter().position(|byte| *byte == 0) {
            bytes.extend_from_slice(&part[..end]);
            return String::from_utf8(bytes).ok();
        }
        bytes.extend(part);
    }
    None
}
