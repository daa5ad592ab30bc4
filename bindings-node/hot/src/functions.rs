//! The hit path: raw Node-API functions, each with its cache as its data.
//!
//! A method of a class costs about 350 ns before it does anything, because the
//! receiver's type tag is checked, and a `String` argument 260 more. Making a
//! number to return costs 24. These functions have no receiver, read the key
//! into a buffer on the stack, and share a few numbers with JavaScript.
//!
//! Nothing below can panic: what is not as expected has a number of its own,
//! and the JavaScript side turns to a method that explains.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{FromNapiValue, Object};
use napi::{Env, Error, Status, sys};

use crate::{Hot, NOT_TEXT, UNUSABLE};

/// Keys of about so many UTF-16 units take the other way.
const BUFFER: usize = 512;
/// How many units are made bytes of at a time.
const STEP: usize = 4;

/// What a function is called with: its cache, and the numbers that it shares
/// with JavaScript, in the order of `SHARED` in `js/binding.ts`.
struct Data {
    cache: Rc<Hot>,
    shared: *mut i32,
}

const RESULT: usize = 0;
const SLOT: usize = 1;
const WEIGHT: usize = 2;
const FREED: usize = 3;
const COUNT: usize = 4;

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// `{ get, insert, shared }` for a cache.
///
/// # Errors
///
/// If the environment is being torn down.
pub fn functions<'env>(env: Env, cache: &Rc<Hot>) -> napi::Result<Object<'env>> {
    let env = env.raw();
    let (mut object, mut buffer, mut array, mut memory) =
        (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` is the environment of the call under way, all others are
    // values of it, and the names end with a zero.
    unsafe {
        check(sys::napi_create_object(env, &raw mut object))?;
        check(sys::napi_create_arraybuffer(env, COUNT * size_of::<i32>(), &raw mut memory, &raw mut buffer))?;
        let kind = sys::TypedarrayType::int32_array;
        check(sys::napi_create_typedarray(env, kind, COUNT, buffer, 0, &raw mut array))?;
        check(sys::napi_set_named_property(env, object, c"shared".as_ptr(), array))?;
        for (name, callback) in [(c"get", get as Callback), (c"insert", insert as Callback)] {
            let data = Data { cache: Rc::clone(cache), shared: memory.cast() };
            let function = function(env, name, callback, data)?;
            // So the numbers live for as long as the function does.
            check(sys::napi_set_named_property(env, function, c"shared".as_ptr(), array))?;
            check(sys::napi_set_named_property(env, object, name.as_ptr(), function))?;
        }
        Object::from_napi_value(env, object)
    }
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok { Ok(()) } else { Err(Error::from_status(Status::from(status))) }
}

/// A function that holds its data for as long as JavaScript holds it.
///
/// # Safety
///
/// `env` must be the environment of the call under way.
unsafe fn function(
    env: sys::napi_env,
    name: &CStr,
    callback: Callback,
    data: Data,
) -> napi::Result<sys::napi_value> {
    let data = Box::into_raw(Box::new(data)).cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: `data` stays valid until `release` has run, which is when
    // JavaScript can call the function no more.
    unsafe {
        let length = name.count_bytes().cast_signed();
        check(sys::napi_create_function(
            env,
            name.as_ptr(),
            length,
            Some(callback),
            data,
            &raw mut function,
        ))?;
        check(sys::napi_add_finalizer(env, function, data, Some(release), ptr::null_mut(), ptr::null_mut()))?;
    }
    Ok(function)
}

/// The function was collected.
unsafe extern "C" fn release(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: made by `into_raw` in `function`, and released only here.
    drop(unsafe { Box::from_raw(data.cast::<Data>()) });
}

/// The data and the only argument of a call; one that is missing is
/// `undefined`.
///
/// # Safety
///
/// For the callbacks of this file only, with the arguments they were given.
#[inline]
unsafe fn arguments<'a>(env: sys::napi_env, info: sys::napi_callback_info) -> (&'a Data, sys::napi_value) {
    let (mut value, mut count, mut data) = (ptr::null_mut(), 1, ptr::null_mut());
    // SAFETY: there is room for one value; the data is what `function` gave,
    // and lives at least as long as the function that is being called.
    unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, &raw mut value, ptr::null_mut(), &raw mut data);
        (&*data.cast_const().cast::<Data>(), value)
    }
}

/// Calls `with` with the key, or says why not. JavaScript's own UTF-16 is read:
/// that is quicker than to have it converted, and shows lone surrogates.
///
/// # Safety
///
/// `value` must be a value of `env`.
#[inline]
unsafe fn with_key(env: sys::napi_env, value: sys::napi_value, with: impl FnOnce(&str) -> i32) -> i32 {
    let mut units = [MaybeUninit::<u16>::uninit(); BUFFER];
    let mut length = 0;
    // SAFETY: Node writes at most `BUFFER` units, and says how many it wrote.
    let status = unsafe {
        sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr().cast(), BUFFER, &raw mut length)
    };
    if status != sys::Status::napi_ok {
        return NOT_TEXT;
    }
    // What does not fit is cut, with room for a zero; and `narrow` wants room.
    if length == 0 || length >= BUFFER - STEP {
        return UNUSABLE;
    }
    let mut bytes = [MaybeUninit::<u8>::uninit(); BUFFER];
    // SAFETY: that many units were written, and there is room for a step more.
    if unsafe { narrow(units.as_mut_ptr().cast(), bytes.as_mut_ptr().cast(), length) } {
        // SAFETY: `narrow` wrote that many bytes, all of them ASCII.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), length) };
        return with(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    // SAFETY: that many units were written.
    let units = unsafe { std::slice::from_raw_parts(units.as_ptr().cast::<u16>(), length) };
    String::from_utf16(units).map_or(UNUSABLE, |key| with(&key))
}

/// Makes bytes of units, four at a time; whether all were ASCII. In wider
/// steps the processor would have to wait until what Node wrote unit by unit is
/// in its cache (measured: 39 ns for a key, 37 with this, 45 in steps of eight).
///
/// # Safety
///
/// From `units` on `length` units must be readable, and `STEP` more writable;
/// from `bytes` on so many bytes must be writable.
#[inline]
unsafe fn narrow(units: *mut u16, bytes: *mut u8, length: usize) -> bool {
    // SAFETY: steps end within `STEP` of the length.
    unsafe { units.add(length).cast::<[u16; STEP]>().write_unaligned([0; STEP]) };
    let mut all = 0;
    for at in (0..length).step_by(STEP) {
        // SAFETY: as above.
        let four = unsafe { units.add(at).cast::<u64>().read_unaligned() }.to_le();
        all |= four;
        let two = (four | four >> 8) & 0x0000_ffff_0000_ffff;
        let one = ((two | two >> 16) & 0xffff_ffff) as u32;
        // SAFETY: as above.
        unsafe { bytes.add(at).cast::<u32>().write_unaligned(one.to_le()) };
    }
    all & 0xff80_ff80_ff80_ff80 == 0
}

unsafe extern "C" fn get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: called by Node with this function's own arguments; the memory is
    // that of the function's own array.
    unsafe {
        let (data, key) = arguments(env, info);
        let found = with_key(env, key, |key| data.cache.get(key));
        data.shared.add(RESULT).write(found);
    }
    ptr::null_mut()
}

unsafe extern "C" fn insert(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: as in `get`.
    unsafe {
        let (data, key) = arguments(env, info);
        let slot = data.shared.add(SLOT).read().cast_unsigned();
        let weight = data.shared.add(WEIGHT).read().cast_unsigned();
        let mut freed = 0;
        let stored = with_key(env, key, |key| {
            let (stored, one) = data.cache.insert(key, slot, weight);
            freed = one;
            stored
        });
        data.shared.add(RESULT).write(stored);
        data.shared.add(FREED).write(freed);
    }
    ptr::null_mut()
}
