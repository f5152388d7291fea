//! What a user wrote, as it is shown in a message.

/// A value in a message: bare if it is plain, and never long.
pub(in crate::core) fn value(text: &str) -> String {
    let plain = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if plain { text.to_owned() } else { quote(text) }
}

/// Text in a message: quoted, without control characters, and never long.
pub(in crate::core) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
