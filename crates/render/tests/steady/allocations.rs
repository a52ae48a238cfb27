//! What a stretch of code allocates on its thread, and who asked for it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The system's allocator, with a book of what it is asked for.
struct Booked;

#[global_allocator]
static ALLOCATOR: Booked = Booked;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    /// Where the stack of what is booked begins: calls further out are of no interest.
    static STACK: Cell<usize> = const { Cell::new(0) };
    /// How often memory was asked for, by the return addresses of the calls that led there, innermost first.
    static BOOK: RefCell<HashMap<Vec<usize>, usize>> = RefCell::default();
}

// SAFETY: the system's allocator does all the work, with the very arguments.
#[expect(unsafe_code, reason = "a global allocator can only be unsafe")]
unsafe impl GlobalAlloc for Booked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

const THIS_FILE: &str = "steady/allocations.rs";
/// Calls this deep tell who asked.
const DEEPEST: usize = 64;

fn note() {
    // What is allocated in here is not booked.
    if !ARMED.try_with(|armed| armed.replace(false)).unwrap_or(false) {
        return;
    }
    let (mut calls, mut count) = ([0; DEEPEST], 0);
    let outermost = STACK.get();
    backtrace::trace(|frame| {
        calls[count] = frame.ip() as usize;
        count += 1;
        // Stacks grow downwards.
        count < DEEPEST && (frame.sp() as usize) < outermost
    });
    BOOK.with_borrow_mut(|book| match book.get_mut(&calls[..count]) {
        Some(times) => *times += 1,
        None => drop(book.insert(calls[..count].to_vec(), 1)),
    });
    ARMED.set(true);
}

/// Runs `work` and books every allocation of this thread meanwhile.
pub(crate) fn booked<T>(work: impl FnOnce() -> T) -> T {
    STACK.set((&raw const work).addr());
    ARMED.set(true);
    let out = work();
    ARMED.set(false);
    out
}

/// What was booked.
#[derive(Default)]
pub(crate) struct Account {
    /// How often code of this project asked, by its place.
    pub(crate) ours: BTreeMap<String, usize>,
    /// How often wgpu and what is beneath it did.
    pub(crate) wgpus: usize,
    /// How often somebody else did, by the outermost function that is known.
    pub(crate) others: BTreeMap<String, usize>,
    /// How often a buffer, texture or binding was made meanwhile, by the function of ours that wanted it.
    pub(crate) made: BTreeMap<String, usize>,
}

/// Closes this thread's book.
pub(crate) fn account() -> Account {
    let mut out = Account::default();
    for (calls, times) in BOOK.take() {
        let calls = resolved(&calls);
        let ours = |call: &&Call| call.owner == Some(Owner::Us);
        match calls.iter().find(|call| call.owner.is_some()) {
            Some(call) if ours(&call) => *out.ours.entry(call.place.clone()).or_default() += times,
            Some(_) => out.wgpus += times,
            None => {
                let outermost = calls.last().map_or(String::new(), |call| call.name.clone());
                *out.others.entry(outermost).or_default() += times;
            }
        }
        if calls.iter().any(Call::makes_a_resource)
            && let Some(call) = calls.iter().find(ours)
        {
            *out.made.entry(call.place.clone()).or_default() += times;
        }
    }
    out
}

/// A function on the way to an allocation.
struct Call {
    name: String,
    /// Its name with file and line, as far as they are known.
    place: String,
    /// Whose it is; nobody's if it works for whoever calls it.
    owner: Option<Owner>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Us,
    Wgpu,
}

/// Functions of wgpu that take memory of the GPU, or describe it to the driver.
const MAKERS: [&str; 4] = ["create_buffer", "create_texture", "create_view", "create_bind_group"];

impl Call {
    fn new(name: String, file: Option<&Path>, line: Option<u32>) -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let owner = match file {
            Some(file) if file.ends_with(THIS_FILE) => None,
            // What this workspace and the standard library are built with tells files, ...
            Some(file) if workspace.is_some_and(|root| file.starts_with(root)) => Some(Owner::Us),
            Some(file) if file.iter().any(|part| of_wgpu(&part.to_string_lossy())) => Some(Owner::Wgpu),
            Some(_) => None,
            // ... other crates only what `<wgpu::Type as Trait>::function` begins with.
            None => of_wgpu(name.trim_start_matches(['<', '&', '*', '('])).then_some(Owner::Wgpu),
        };
        let place = match (file.and_then(Path::file_name), line) {
            (Some(file), Some(line)) => format!("{name}, {}:{line}", file.display()),
            _ => name.clone(),
        };
        Self { name, place, owner }
    }

    fn makes_a_resource(&self) -> bool {
        MAKERS.iter().any(|maker| self.name.ends_with(maker))
    }
}

fn of_wgpu(name: &str) -> bool {
    name.starts_with("wgpu") || name.starts_with("naga")
}

/// The functions at return addresses, inlined ones too.
fn resolved(calls: &[usize]) -> Vec<Call> {
    let mut out = Vec::new();
    for &call in calls {
        backtrace::resolve(call as *mut std::ffi::c_void, |symbol| {
            let name = symbol.name().map_or(String::new(), |name| format!("{name:#}"));
            out.push(Call::new(name, symbol.filename(), symbol.lineno()));
        });
    }
    out
}
