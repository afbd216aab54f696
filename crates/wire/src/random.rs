//! Unguessable names.

/// 128 random bits as 32 lower-case hex digits, or an error when the system has none to give: callers fail closed.
pub(crate) fn hex128() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes))
}
