//! Running inner loops with the widest registers that the machine has.

use pulp::{Arch, Simd, WithSimd};

/// Runs `kernel` compiled for the widest registers of this machine. The closure, and all that it calls, must be marked
/// `#[inline(always)]`; what is not is compiled for the least machine.
#[inline(always)]
pub fn with_widest_registers(arch: Arch, kernel: impl FnMut()) {
    arch.dispatch(Kernel(kernel));
}

struct Kernel<F>(F);

impl<F: FnMut()> WithSimd for Kernel<F> {
    type Output = ();

    /// Called as `FnMut`: as `FnOnce` a shim would come between, which is not inlined and so keeps a large kernel from
    /// being compiled for more than the least machine.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        (self.0)();
    }
}
