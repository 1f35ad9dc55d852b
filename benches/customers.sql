-- Customers of a group of units B1, B2, ...: a third of them are one huge branch's (B1); a tenth of the branches are quiet: a few customers
-- each, all of them old. Takes :customers and :branches.
CREATE TEMP TABLE made AS
SELECT n, at, (lpad(to_hex(at / 1000), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id,
       'B' || CASE WHEN n % 3 = 0 THEN 1
                   WHEN n <= :branches THEN 1 + n % :branches
                   ELSE 2 + (n * 7919 % (:branches - :branches / 10 - 1)) END AS code
FROM (SELECT n, 1577836800000000 + n * 15000000 AS at FROM generate_series(1::bigint, :customers) n) numbers;
INSERT INTO party (id, created_at) SELECT id, at FROM made;
INSERT INTO customer (id, party_id, unit_id, region_id, origin_unit_id, external_ref, kind, class, name, name_folded, industry, phone, email,
                      custom, created_at, updated_at, version)
SELECT made.id, made.id, u.id, u.region_id, u.id, 'C-' || n, (ARRAY['PERSON', 'COMPANY'])[1 + n % 2],
       (ARRAY['ACCOUNT', 'TARGET', 'PROSPECT', 'USER'])[1 + n % 4], 'Customer Number ' || n, 'customer number ' || n, 'Retail',
       '138' || lpad(n::text, 8, '0'), 'c' || n || '@example.com', '{}', at, at, 1
FROM made JOIN org_unit u USING (code) ORDER BY n;
-- Two contacts for each customer of B7, whom the measurements look at.
INSERT INTO contact (id, customer_id, unit_id, region_id, name, role, phone, created_at, updated_at, version)
SELECT (substr(c.id::text, 1, 35) || k)::uuid, c.id, c.unit_id, c.region_id, 'Contact ' || k, 'buyer', '13900000000', c.created_at, c.created_at, 1
FROM customer c JOIN org_unit u ON u.id = c.unit_id CROSS JOIN generate_series(1, 2) k WHERE u.code = 'B7';
VACUUM ANALYZE;
