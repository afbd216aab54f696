use farm_bucket::PutView;
use farm_model::machine::MachineRecord;

use super::{each, each_versioned};
use crate::at;

fn record(name: &str) -> MachineRecord {
    MachineRecord {
        name: name.parse().unwrap(),
        host_type: "rpi4".parse().unwrap(),
        owner: Some("owner@example.org".to_owned()),
        labels: Default::default(),
        key_id: "0123456789abcdef".to_owned(),
        next_key_id: None,
        created: at("2026-01-01T00:00:00Z"),
        issued: at("2026-01-01T00:00:00Z"),
        expires: at("2027-01-01T00:00:00Z"),
        revoked_at: None,
        once: None,
    }
}

#[tokio::test]
async fn a_record_is_made_once_read_and_changed() {
    each(async |bucket| {
        let mut attic = record("attic");
        assert_eq!(bucket.get_machine(&attic.name).await.unwrap(), None);
        let made = bucket.put_machine(&attic, None).await.unwrap();
        assert!(matches!(made, PutView::Written(_)));
        let again = bucket.put_machine(&record("attic"), None).await.unwrap();
        assert_eq!(again, PutView::Changed, "there is one");
        let known = bucket.get_machine(&attic.name).await.unwrap().unwrap();
        assert_eq!(known.record, attic);
        let before = bucket.machine_marks(10).await.unwrap();
        attic.revoked_at = Some(at("2026-05-01T00:00:00Z"));
        bucket.put_machine(&attic, Some(&known)).await.unwrap();
        let after = bucket.machine_marks(10).await.unwrap();
        assert_ne!(before[&attic.name], after[&attic.name], "a change shows");
        bucket.put_machine(&record("b.c"), None).await.unwrap();
        let all = bucket.list_machines(10).await.unwrap();
        assert_eq!(all, [attic.clone(), record("b.c")]);
        assert!(bucket.list_machines(1).await.is_err());
        assert!(after[&attic.name].changed() >= before[&attic.name].changed());
        for _ in 0..2 {
            bucket.remove_machine(&attic.name).await.unwrap();
            assert_eq!(bucket.get_machine(&attic.name).await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_who_change_the_same_record_the_second_is_told() {
    each_versioned(async |bucket| {
        let mut attic = record("attic");
        bucket.put_machine(&attic, None).await.unwrap();
        let known = bucket.get_machine(&attic.name).await.unwrap().unwrap();
        // A change: S3 takes what is the same to the byte for the same version.
        attic.revoked_at = Some(at("2026-05-01T00:00:00Z"));
        let first = bucket.put_machine(&attic, Some(&known)).await.unwrap();
        assert!(matches!(first, PutView::Written(_)));
        let second = bucket.put_machine(&attic, Some(&known)).await.unwrap();
        assert_eq!(second, PutView::Changed);
    })
    .await;
}
