-- +goose Up
create index notification_unrouted on notification (created_at) where routed_at is null;
create index notification_unseen on notification (person, seq) where seen_at is null;
create index channel_link_session on channel_link (session) where disabled_at is null;
