use super::*;

#[test]
fn sequence_numbers_grow_and_have_56_digits() {
    let mut kinesis = plain(1);
    let first = put(&mut kinesis, T0, "a").sequence_number;
    let second = put(&mut kinesis, T0 + 5000, "b").sequence_number;
    assert_eq!(first.len(), 56);
    assert!(big(&first) < big(&second));
    assert_eq!(big(&first).to_string(), first);
    assert_eq!(big(&second).time_ms(), T0 + 5000);
}

#[test]
fn a_sequence_number_seen_on_the_service_parses_and_prints() {
    let seen = "49554751971385712311965096607999491514675643249030332418";
    assert_eq!(big(seen).to_string(), seen);
    assert!("".parse::<Sequence>().is_err());
    assert!("12x".parse::<Sequence>().is_err());
    assert_eq!("0".parse::<Sequence>().unwrap().to_string(), "0");
}

#[test]
fn the_partition_keys_md5_decides_the_shard_unless_a_hash_key_is_given() {
    let mut kinesis = plain(4);
    // MD5("k") = 8ce4b16b22b58894aa86c421e8759df3: in the third quarter.
    assert_eq!(put(&mut kinesis, T0, "a").shard, shard(2));
    let explicit = |key| PutEntry { explicit_hash_key: Some(key), ..entry("b") };
    let entries = vec![explicit(0), explicit(u128::MAX), explicit(1 << 127)];
    let answers = kinesis.put_records(T0, "s", entries).unwrap();
    let shards: Vec<_> = answers.into_iter().map(|a| a.unwrap().shard).collect();
    assert_eq!(shards, [shard(0), shard(3), shard(2)]);
}

#[test]
fn put_records_checks_counts_and_sizes() {
    let mut kinesis = plain(1);
    let mut refused = |entries| kinesis.put_records(T0, "s", entries).unwrap_err().code;
    assert_eq!(refused(Vec::new()), code::VALIDATION);
    assert_eq!(refused(vec![entry("x"); 501]), code::VALIDATION);
    let sized = |bytes| PutEntry { data: vec![0; bytes], ..entry("") };
    assert_eq!(refused(vec![sized(1024 * 1024)]), code::VALIDATION);
    assert_eq!(refused(vec![sized(1024 * 1024 - 1); 6]), code::INVALID_ARGUMENT);
    assert!(kinesis.put_records(T0, "s", vec![sized(1024 * 1024 - 1)]).is_ok());
    let nowhere = kinesis.put_records(T0, "none", vec![entry("x")]).unwrap_err();
    assert_eq!(nowhere.code, code::NOT_FOUND);
}

#[test]
fn a_stream_made_anew_has_the_same_ids_and_greater_sequence_numbers() {
    let mut kinesis = plain(2);
    let start = |kinesis: &mut Kinesis| {
        let input = ListShardsInput::from_timestamp("s", T0);
        let shard = kinesis.list_shards(T0, &input).unwrap().shards.remove(1);
        (shard.id, big(&shard.starting_sequence_number))
    };
    let old = start(&mut kinesis);
    let token = iterator(&mut kinesis, T0, 1, &IteratorType::TrimHorizon);
    let number = put(&mut kinesis, T0, "a").sequence_number;
    assert_eq!(kinesis.create_stream(T0, "s", 2).unwrap_err().code, code::IN_USE);
    kinesis.delete_stream(T0, "s").unwrap();
    assert_eq!(kinesis.get_records(T0, &token, None).unwrap_err().code, code::NOT_FOUND);
    kinesis.create_stream(T0, "s", 2).unwrap();
    let new = start(&mut kinesis);
    assert_eq!(old.0, new.0);
    assert!(old.1 < new.1);
    assert_eq!(kinesis.get_records(T0, &token, None).unwrap_err().code, code::NOT_FOUND);
    let after = IteratorType::AfterSequenceNumber(number);
    let refusal = kinesis.get_shard_iterator(T0, "s", &shard(1), &after).unwrap_err();
    assert_eq!(refusal.code, code::INVALID_ARGUMENT);
}
