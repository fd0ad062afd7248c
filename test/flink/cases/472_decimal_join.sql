-- probe: a join by decimals whose common type is wider than 38 digits
SET 'execution.runtime-mode' = 'batch';
SELECT l.id, r.id AS rid FROM (VALUES (1, CAST('12345678901234567890123456789012345678' AS DECIMAL(38, 0))), (2, CAST(1 AS DECIMAL(38, 0)))) AS l(id, a) JOIN (VALUES (1, CAST(1 AS DECIMAL(38, 18))), (2, CAST(1.000000000000000001 AS DECIMAL(38, 18)))) AS r(id, b) ON l.a = r.b;
