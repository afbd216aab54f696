//! Job objects of Windows: processes that end together, and at the latest with the handle that only this process has.
//!
//! <https://learn.microsoft.com/windows/win32/procthread/job-objects>

#![expect(unsafe_code, reason = "the standard library knows no job objects")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectBasicAccountingInformation, JobObjectExtendedLimitInformation,
    QueryInformationJobObject, SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_SUSPENDED, OpenThread, ResumeThread, THREAD_SUSPEND_RESUME,
};

/// With this flag a process is created that runs only once [`Job::adopt`] let it.
pub const SUSPENDED: u32 = CREATE_SUSPENDED;
/// What processes that were killed end with, as `TerminateProcess` of the original had it.
const KILLED: u32 = 1;
/// Between looks at how many still live.
const LOOK: Duration = Duration::from_millis(5);

/// A job. None of its processes can leave it: those that ask for it (`CREATE_BREAKAWAY_FROM_JOB`) are not started.
#[derive(Debug)]
pub struct Job(OwnedHandle);

impl Job {
    /// An empty one, whose processes the system kills when this value is dropped or this process ends, however it does.
    ///
    /// # Errors
    /// The system has no more.
    pub fn new() -> io::Result<Self> {
        // SAFETY: both pointers may be null: no name, and a handle that is not inherited.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just made, and nobody else has it.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        // SAFETY: the handle is a job's, and the structure the one of this class, with its size.
        checked(unsafe {
            SetInformationJobObject(
                job.handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of_val(&limits) as u32,
            )
        })?;
        Ok(job)
    }

    /// Takes a process that was created [`SUSPENDED`], and lets it run: so nothing that it starts is outside.
    ///
    /// # Errors
    /// The system refuses. The process does not run then, and is to be killed.
    pub fn adopt(&self, process: RawHandle, number: u32) -> io::Result<()> {
        // SAFETY: this handle is a job's; of another one that is no process's the system says so.
        checked(unsafe { AssignProcessToJobObject(self.handle(), process) })?;
        resume(number)
    }

    /// Kills all that is in it. An empty one stays as it is.
    pub fn kill(&self) {
        // SAFETY: the handle is a job's.
        if let Err(error) = checked(unsafe { TerminateJobObject(self.handle(), KILLED) }) {
            tracing::warn!(%error, "cannot kill a job");
        }
    }

    /// Waits until nothing in it lives, at most for `limit`: what is killed holds its files a little longer. Blocks.
    pub fn empty(&self, limit: Duration) -> bool {
        let began = Instant::now();
        while self.count() > 0 {
            if began.elapsed() > limit {
                return false;
            }
            std::thread::park_timeout(LOOK);
        }
        true
    }

    /// How many processes live in it; none if the system does not say.
    fn count(&self) -> u32 {
        let mut found = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        // SAFETY: the handle is a job's, and the structure the one of this class, with its size; its length is not asked
        // for.
        let told = unsafe {
            QueryInformationJobObject(
                self.handle(),
                JobObjectBasicAccountingInformation,
                (&raw mut found).cast(),
                size_of_val(&found) as u32,
                null_mut(),
            )
        };
        checked(told).map_or(0, |()| found.ActiveProcesses)
    }

    fn handle(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

/// Lets the threads of a suspended process run. The standard library keeps the handle of its first one to itself.
fn resume(process: u32) -> io::Result<()> {
    // SAFETY: no pointer is given.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just made, and nobody else has it.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = THREADENTRY32 {
        dwSize: size_of::<THREADENTRY32>() as u32,
        ..Default::default()
    };
    let mut resumed = false;
    // SAFETY: the handle is a snapshot's, and the entry knows its size.
    let mut more = unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        if entry.th32OwnerProcessID == process {
            resume_thread(entry.th32ThreadID)?;
            resumed = true;
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut entry) };
    }
    match resumed {
        true => Ok(()),
        false => Err(io::Error::other("a suspended process has no thread")),
    }
}

fn resume_thread(number: u32) -> io::Result<()> {
    // SAFETY: no pointer is given.
    let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, number) };
    if thread.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: the handle is a thread's.
    match unsafe { ResumeThread(thread.as_raw_handle()) } {
        u32::MAX => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn checked(result: i32) -> io::Result<()> {
    match result {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
