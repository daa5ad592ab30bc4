//! Tags from response headers.

use http::HeaderMap;

use crate::options::Options;

/// More tags than this are not taken.
pub(crate) const MOST: usize = 256;
/// Nor a longer one, in bytes.
pub(crate) const LONGEST: usize = 1024;

/// The tags of a response, each once; `None` if they are too many, too long or no text.
/// None of them may be left out: an invalidation would miss the page.
pub(crate) fn of(options: &Options, headers: &HeaderMap) -> Option<Vec<String>> {
    let mut tags: Vec<String> = Vec::new();
    for name in &options.tag_headers {
        for line in headers.get_all(name) {
            let text = std::str::from_utf8(line.as_bytes()).ok()?;
            for tag in text.split([',', ' ', '\t']).filter(|tag| !tag.is_empty()) {
                if tag.len() > LONGEST {
                    return None;
                }
                if !tags.iter().any(|known| known == tag) {
                    tags.push(tag.to_owned());
                }
                if tags.len() > MOST {
                    return None;
                }
            }
        }
    }
    Some(tags)
}
