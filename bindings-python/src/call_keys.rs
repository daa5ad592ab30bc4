//! Keys of calls, made without Python for the calls that are usual.
//!
//! What a key looks like, `python/snowmelt/_keys.py` says; here the same is
//! done for values that are exactly of type `str` or `int`, or `True`, `False`
//! or `None`. Its `part` is asked for all others. Calls that do not fit and
//! long keys are left to it altogether.

use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString, PyTuple};
use snowmelt_core::invalidation::KeyPart;

use crate::hot::utf8;
use crate::runtime::CallingOut;

/// The longest key that is made here, in bytes.
const LONGEST: usize = 256;

/// A text of at most [`LONGEST`] bytes.
pub(crate) struct KeyText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl KeyText {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        // SAFETY: only whole texts are put in.
        unsafe { std::str::from_utf8_unchecked(&self.bytes[..self.length]) }
    }

    /// `None` if there is no room for it.
    #[inline]
    fn push(&mut self, text: &str) -> Option<()> {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Some(())
    }

    /// As `urllib.parse.quote` with nothing safe, which is how the core writes
    /// parts of keys.
    fn push_quoted(&mut self, text: &str) -> Option<()> {
        if text.bytes().all(KeyPart::is_plain) {
            return self.push(text);
        }
        for byte in text.bytes() {
            let quoted = KeyPart::escape(byte);
            let part: &[u8] = if KeyPart::is_plain(byte) { &[byte] } else { &quoted };
            let end = self.length + part.len();
            self.bytes.get_mut(self.length..end)?.copy_from_slice(part);
            self.length = end;
        }
        Some(())
    }
}

struct Piece {
    /// The text before the value.
    before: Box<str>,
    /// Which parameter's value it is, if any.
    parameter: Option<usize>,
}

struct Parameter {
    name: Py<PyString>,
    by_keyword: bool,
    required: bool,
    /// Its default as a part of a key, if a call may use it.
    default: Option<Box<str>>,
}

/// A parameter's name, whether it can be given by place and by keyword, whether
/// it has to be given, and its default as a part of a key.
type Described = (Py<PyString>, bool, bool, bool, Option<String>);

/// How the key of a call is made.
#[pyclass(frozen)]
pub(crate) struct CallKeys {
    /// `part(value, name)` gives a value's text.
    part: Py<PyAny>,
    pieces: Box<[Piece]>,
    parameters: Box<[Parameter]>,
    /// With so many arguments without a name, no other has to be given.
    least: usize,
    /// No more can be given without a name.
    most: usize,
}

#[pymethods]
impl CallKeys {
    /// `pieces` are `(text, parameter's number)`; of `parameters` those that can
    /// be given by place come first.
    #[new]
    fn new(part: Py<PyAny>, pieces: Vec<(String, Option<usize>)>, parameters: Vec<Described>) -> Self {
        let most = parameters.iter().filter(|parameter| parameter.1).count();
        let least = parameters.iter().rposition(|parameter| parameter.3).map_or(0, |last| last + 1);
        let parameters = parameters.into_iter().map(|(name, _, by_keyword, required, default)| Parameter {
            name,
            by_keyword,
            required,
            default: default.map(Into::into),
        });
        let pieces = pieces.into_iter().map(|(before, parameter)| Piece { before: before.into(), parameter });
        Self { part, pieces: pieces.collect(), parameters: parameters.collect(), least, most }
    }

    /// The key of a call, if it is made here; for tests.
    #[pyo3(name = "of")]
    fn of_call<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let mut key = KeyText::new();
        let made = self.write(&mut key, args, Some(kwargs))?;
        Ok(made.map(|()| PyString::new(args.py(), key.as_str())))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.part)
    }
}

impl CallKeys {
    /// Writes the key of a call. `None` if it has to be made in Python.
    #[inline]
    pub(crate) fn write(
        &self,
        key: &mut KeyText,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<()>> {
        let given = args.len();
        let kwargs = kwargs.filter(|kwargs| !kwargs.is_empty());
        let binds = match kwargs {
            None => (self.least..=self.most).contains(&given),
            Some(kwargs) => self.binds(given, kwargs)?,
        };
        if !binds {
            return Ok(None);
        }
        for piece in &self.pieces {
            if key.push(&piece.before).is_none() {
                return Ok(None);
            }
            let Some(number) = piece.parameter else { continue };
            let pushed = if number < given {
                self.push_part(key, &*args.get_borrowed_item(number)?, number)?
            } else {
                self.push_named(key, number, kwargs)?
            };
            if pushed.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// Whether the named arguments fit, beside `given` that have no name.
    #[cold]
    fn binds(&self, given: usize, kwargs: &Bound<'_, PyDict>) -> PyResult<bool> {
        let py = kwargs.py();
        let mut found = 0;
        for parameter in self.parameters.get(given..).unwrap_or_default() {
            if parameter.by_keyword && kwargs.contains(parameter.name.bind(py))? {
                found += 1;
            } else if parameter.required {
                return Ok(false);
            }
        }
        Ok(given <= self.most && found == kwargs.len())
    }

    fn push_named(
        &self,
        key: &mut KeyText,
        number: usize,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<()>> {
        let Some(parameter) = self.parameters.get(number) else { return Ok(None) };
        if let Some(kwargs) = kwargs.filter(|_| parameter.by_keyword)
            && let Some(value) = kwargs.get_item(parameter.name.bind(kwargs.py()))?
        {
            return self.push_part(key, &value, number);
        }
        Ok(parameter.default.as_deref().and_then(|default| key.push(default)))
    }

    #[inline]
    fn push_part(&self, key: &mut KeyText, value: &Bound<'_, PyAny>, number: usize) -> PyResult<Option<()>> {
        // (No `PyErr` is made here: it would be dropped where `PyO3` does not
        // know that it is attached, and be kept.)
        if value.is_exact_instance_of::<PyString>() {
            // SAFETY: it is attached, and the text is used while the value is here.
            let text = unsafe { utf8(value.as_ptr()) };
            return match text {
                Some(text) => Ok(key.push_quoted(text)),
                None => self.push_unusual(key, value, number),
            };
        }
        if value.is_exact_instance_of::<PyInt>() {
            let mut overflow = 0;
            // SAFETY: it is attached, and an `int` raises nothing here.
            let whole = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
            if overflow != 0 {
                return self.push_unusual(key, value, number);
            }
            return Ok(key.push("=").and_then(|()| key.push(itoa::Buffer::new().format(whole))));
        }
        if value.is_none() {
            return Ok(key.push("=None"));
        }
        if let Ok(truth) = value.cast_exact::<PyBool>() {
            return Ok(key.push(if truth.is_true() { "=True" } else { "=False" }));
        }
        self.push_unusual(key, value, number)
    }

    #[cold]
    fn push_unusual(
        &self,
        key: &mut KeyText,
        value: &Bound<'_, PyAny>,
        number: usize,
    ) -> PyResult<Option<()>> {
        let py = value.py();
        let _calling_out = CallingOut::begin(py);
        let name = self.parameters.get(number).map(|parameter| parameter.name.bind(py));
        let text = self.part.bind(py).call1((value, name))?;
        Ok(key.push(text.cast::<PyString>()?.to_str()?))
    }
}
