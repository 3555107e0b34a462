-- +goose Up
alter table channel_link drop constraint channel_link_channel_check;
alter table channel_link add constraint channel_link_channel_check check (channel in ('webpush', 'line', 'messenger', 'sms'));
alter table channel_link add column last_inbound_at timestamptz;
comment on column channel_link.last_inbound_at is 'When its owner last wrote or tapped there: Messenger may be written to for 24 hours after that.';
