-- +goose Up
create index channel_link_dead on channel_link (address_hash) where channel = 'webpush' and disabled_at is not null;
comment on index channel_link_dead is 'Whether a push subscription was found dead before: browsers go on to offer those.';
