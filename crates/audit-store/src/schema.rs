//! The tables, as `migrations/` makes them in every database.

diesel::table! {
    logs (channel_id, stream) {
        channel_id -> BigInt,
        stream -> SmallInt,
        next_position -> BigInt,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    events (channel_id, position) {
        channel_id -> BigInt,
        position -> BigInt,
        uuid -> Binary,
        timestamp -> BigInt,
        recorded_at -> BigInt,
        producer_id -> BigInt,
        content_type -> Nullable<BigInt>,
        object_num -> Nullable<BigInt>,
        user_num -> Nullable<BigInt>,
        action -> Nullable<Text>,
        table_name -> Nullable<Text>,
        object_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        user_name -> Nullable<Text>,
        user_email -> Nullable<Text>,
        remote_addr -> Nullable<Text>,
        url -> Nullable<Text>,
        outcome -> Nullable<Text>,
        correlation_id -> Nullable<Text>,
        source -> Nullable<Text>,
        impersonator_id -> Nullable<Text>,
        seals -> Binary,
        leaf_hash -> Binary,
        subject_json -> Nullable<Text>,
        user_json -> Nullable<Text>,
        remote_addr_json -> Nullable<Text>,
        url_json -> Nullable<Text>,
        query_params -> Nullable<Text>,
        post_data -> Nullable<Text>,
        headers -> Nullable<Text>,
        content -> Nullable<Text>,
        description_json -> Nullable<Text>,
        extra -> Nullable<Text>,
        impersonator_json -> Nullable<Text>,
        masked -> Nullable<Text>,
    }
}

diesel::table! {
    action_logs (channel_id, position) {
        channel_id -> BigInt,
        position -> BigInt,
        uuid -> Binary,
        created_at -> BigInt,
        recorded_at -> BigInt,
        producer_id -> BigInt,
        level -> Nullable<BigInt>,
        logger_name -> Nullable<Text>,
        app_name -> Nullable<Text>,
        correlation_id -> Nullable<Text>,
        seals -> Binary,
        leaf_hash -> Binary,
        subject_json -> Nullable<Text>,
        message -> Nullable<Text>,
        trace -> Nullable<Text>,
        extra -> Nullable<Text>,
        masked -> Nullable<Text>,
    }
}

diesel::table! {
    segments (channel_id, stream, first) {
        channel_id -> BigInt,
        stream -> SmallInt,
        first -> BigInt,
        size -> BigInt,
        first_time -> BigInt,
        last_time -> BigInt,
        fences -> Binary,
        days -> Binary,
        words -> SmallInt,
        digest -> BigInt,
    }
}

diesel::table! {
    segment_times (channel_id, stream, first, block) {
        channel_id -> BigInt,
        stream -> SmallInt,
        first -> BigInt,
        block -> SmallInt,
        points -> Binary,
    }
}

diesel::table! {
    postings (channel_id, stream, first, first_term) {
        channel_id -> BigInt,
        stream -> SmallInt,
        first -> BigInt,
        first_term -> Binary,
        terms -> Binary,
    }
}

diesel::table! {
    trees (channel_id, stream) {
        channel_id -> BigInt,
        stream -> SmallInt,
        size -> BigInt,
        root -> Binary,
        log_name -> BigInt,
    }
}

diesel::table! {
    tiles (channel_id, stream, level, tile) {
        channel_id -> BigInt,
        stream -> SmallInt,
        level -> SmallInt,
        tile -> BigInt,
        hashes -> Binary,
    }
}

diesel::table! {
    log_names (number) {
        number -> BigInt,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    signing_keys (number) {
        number -> BigInt,
        public_key -> Binary,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    checkpoints (channel_id, stream, log_name) {
        channel_id -> BigInt,
        stream -> SmallInt,
        log_name -> BigInt,
        size -> BigInt,
        note -> Text,
    }
}

diesel::table! {
    erasures (channel_id, stream, position) {
        channel_id -> BigInt,
        stream -> SmallInt,
        position -> BigInt,
        first -> BigInt,
        last -> BigInt,
        entries -> BigInt,
        erased_to -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    root_entries (channel_id, position) {
        channel_id -> BigInt,
        position -> BigInt,
        log_channel_id -> BigInt,
        log_stream -> SmallInt,
        log_name -> BigInt,
        size -> BigInt,
        recorded_at -> BigInt,
        body -> Text,
        signatures -> Text,
    }
}

diesel::table! {
    cosignatures (channel_id, witness, log_name) {
        channel_id -> BigInt,
        witness -> Text,
        log_name -> BigInt,
        size -> BigInt,
        cosigned_at -> BigInt,
        note -> Text,
        signature -> Text,
    }
}

diesel::table! {
    content_types (id) {
        id -> BigInt,
        app_label -> Text,
        model -> Text,
    }
}

diesel::table! {
    tokens (id) {
        id -> BigInt,
        name -> Text,
        role -> Text,
        channels -> Text,
        key_digest -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

// One statement reads how far each index lags behind its log, and one how far each tree does.
diesel::allow_tables_to_appear_in_same_query!(logs, segments);
diesel::allow_tables_to_appear_in_same_query!(logs, trees);
diesel::allow_tables_to_appear_in_same_query!(trees, checkpoints);
