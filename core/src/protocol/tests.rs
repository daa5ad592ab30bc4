use super::*;

#[test]
fn operations_have_names() {
    for operation in Operation::ALL {
        assert_eq!(Operation::from_name(operation.name()), Some(operation));
        assert!(operation.target().ends_with(operation.name()));
    }
    assert_eq!(Operation::from_name("getRecords"), None);
}
