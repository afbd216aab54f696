//! What the firmware says of a machine, which Windows keeps in its registry.

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};
use windows_sys::w;

/// The longest name that is of use, in units of UTF-16.
const MAX_NAME: usize = 128;

/// The product's name, as in Linux's `/sys/class/dmi/id/product_name`.
#[expect(unsafe_code, reason = "the standard library reads no registry")]
pub(super) fn product() -> Option<String> {
    let mut name = [0_u16; MAX_NAME];
    let mut length = size_of_val(&name) as u32;
    // SAFETY: key and value end in a NUL; the buffer is as long as is said, and written to.
    let told = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            w!(r"HARDWARE\DESCRIPTION\System\BIOS"),
            w!("SystemProductName"),
            RRF_RT_REG_SZ,
            std::ptr::null_mut(),
            name.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let text = name.split(|&unit| unit == 0).next()?;
    (told == ERROR_SUCCESS).then(|| String::from_utf16_lossy(text))
}
