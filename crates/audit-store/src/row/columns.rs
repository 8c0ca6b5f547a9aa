//! The row structs of a table of records, from one list of its columns.

use diesel::expression::TypedExpressionType;

/// A table of records.
pub(crate) trait Columns {
    /// The SQL types of [`Columns::NAMES`].
    type SqlType: TypedExpressionType;
    /// All columns, separated by commas, in the order of the schema and of the fields of the row.
    const NAMES: &'static str;
    /// The columns that have the values as received. An erasure may make each of them null.
    const VALUES: &'static [&'static str];
}

/// Makes the structs for a table of records: a row of every column, which is inserted, copied and
/// checked, and its two parts: what a record consists of, with the slots, and the filter columns.
/// Lists read only the first part. The row itself is flat, because a COPY of diesel's cannot insert
/// parts.
macro_rules! rows {
    (
        table: $table:ident, $stream:expr, $record:ident, time: $time:ident;
        rows: $row:ident, $record_row:ident;
        $slots:ident { $($number:path => $slot:ident),+ $(,)? }
        $filter_row:ident from $filter_columns:ident { numbers: $($num:ident),+; texts: $($text:ident),+ $(,)? }
    ) => {
        /// The slots, as received.
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = $table)]
        pub(crate) struct $slots<'a> {
            $($slot: Option<Cow<'a, str>>,)+
        }

        impl $slots<'_> {
            /// Takes the value of a slot, once.
            fn take(&mut self, number: u8) -> Option<String> {
                match number {
                    $($number => self.$slot.take().map(Cow::into_owned),)+
                    _ => None,
                }
            }
        }

        /// A row without its filter columns.
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = $table)]
        pub(crate) struct $record_row<'a> {
            channel_id: i64,
            position: i64,
            uuid: Vec<u8>,
            $time: i64,
            recorded_at: i64,
            producer_id: i64,
            seals: Vec<u8>,
            leaf_hash: Vec<u8>,
            #[diesel(embed)]
            slots: $slots<'a>,
        }

        impl TryFrom<$record_row<'_>> for $record {
            type Error = StoreError;

            /// Fails for a row that no append could have written. `checked.rs` compares other rows
            /// with their leaf hash.
            fn try_from(mut row: $record_row<'_>) -> Result<$record, StoreError> {
                let common = Common {
                    stream: $stream,
                    channel_id: row.channel_id,
                    position: row.position,
                    uuid: &row.uuid,
                    timestamp: row.$time,
                    recorded_at: row.recorded_at,
                    producer_id: row.producer_id,
                    seals: &row.seals,
                    leaf_hash: &row.leaf_hash,
                };
                common.into_entry(&[$($number),+], |number| row.slots.take(number)).map($record::from)
            }
        }

        /// The filter columns.
        pub(crate) struct $filter_row<'a> {
            $($num: Option<i64>,)+
            $($text: Option<Cow<'a, str>>,)+
        }

        impl $filter_row<'_> {
            /// The first column that differs from what the slots say.
            pub(super) fn difference(&self, computed: &$filter_columns) -> Option<&'static str> {
                let numbers = [$((stringify!($num), self.$num == computed.$num)),+];
                let texts = [$((stringify!($text), self.$text.as_deref() == computed.$text.as_deref())),+];
                numbers.into_iter().chain(texts).find(|(_, is_same)| !is_same).map(|(column, _)| column)
            }
        }

        /// A row of every column.
        #[derive(Insertable, Queryable, Selectable, PartialEq)]
        #[diesel(table_name = $table, treat_none_as_default_value = false)]
        pub(crate) struct $row<'a> {
            channel_id: i64,
            pub(crate) position: i64,
            uuid: Vec<u8>,
            $time: i64,
            pub(crate) recorded_at: i64,
            producer_id: i64,
            $($num: Option<i64>,)+
            $($text: Option<Cow<'a, str>>,)+
            seals: Vec<u8>,
            pub(crate) leaf_hash: Vec<u8>,
            $($slot: Option<Cow<'a, str>>,)+
        }

        impl<'a> $row<'a> {
            pub(super) fn new(entry: &'a PreparedEntry, columns: &'a $filter_columns, placement: &Placement) -> $row<'a> {
                let slots = entry.slots();
                $row {
                    channel_id: entry.channel_id().get(),
                    position: placement.position,
                    uuid: entry.uuid().as_bytes().to_vec(),
                    $time: entry.timestamp().micros(),
                    recorded_at: placement.recorded_at.micros(),
                    producer_id: placement.producer_id,
                    $($num: columns.$num,)+
                    $($text: columns.$text.as_deref().map(Cow::Borrowed),)+
                    seals: slots.encode_openings(),
                    leaf_hash: placement.leaf_hash.0.to_vec(),
                    $($slot: slots.value($number).map(|value| Cow::Borrowed(value.as_str())),)+
                }
            }

            pub(crate) fn into_parts(self) -> ($record_row<'a>, $filter_row<'a>) {
                let record = $record_row {
                    channel_id: self.channel_id,
                    position: self.position,
                    uuid: self.uuid,
                    $time: self.$time,
                    recorded_at: self.recorded_at,
                    producer_id: self.producer_id,
                    seals: self.seals,
                    leaf_hash: self.leaf_hash,
                    slots: $slots { $($slot: self.$slot,)+ },
                };
                (record, $filter_row { $($num: self.$num,)+ $($text: self.$text,)+ })
            }

            /// The uuid and the leaf hash, whatever bytes these are.
            pub(crate) fn uuid_and_leaf_hash(&self) -> (&[u8], &[u8]) {
                (&self.uuid, &self.leaf_hash)
            }

            /// The bytes of the slots.
            pub(crate) fn bytes(&self) -> usize {
                [$(&self.$slot),+].into_iter().flatten().map(|value| value.len()).sum()
            }
        }

        impl Columns for $table::table {
            type SqlType = $table::SqlType;
            const NAMES: &'static str = concat!(
                "channel_id, position, uuid, ", stringify!($time), ", recorded_at, producer_id, ", $(stringify!($num), ", ",)+
                $(stringify!($text), ", ",)+ "seals, leaf_hash" $(, ", ", stringify!($slot))+
            );
            const VALUES: &'static [&'static str] = &[$(stringify!($slot)),+];
        }
    };
}

pub(super) use rows;
