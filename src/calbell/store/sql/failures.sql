-- name: codes_met
-- The codes that the attempts of these deliveries met, in tickets or receipts, and how often each.
select a.delivery_id, coalesce(a.receipt_code, a.code), count(*)
from rows(delivery_id bigint) as r
join attempts a on a.delivery_id = r.delivery_id
where coalesce(a.receipt_code, a.code) is not null
group by a.delivery_id, coalesce(a.receipt_code, a.code)
