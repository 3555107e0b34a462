-- +goose Up
create index delivery_ended on delivery (done_at) where state in ('failed', 'unknown');
comment on index delivery_ended is 'What a sweep looks through for next channels that nobody has brought forward.';
