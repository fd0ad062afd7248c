-- probe: decimals compared whose common type is wider than 38 digits
SET 'execution.runtime-mode' = 'batch';
SELECT id, a = b AS eq, a < b AS lt, a <> b AS ne, a IN (b) AS i, a BETWEEN b AND b AS bt, a IS DISTINCT FROM b AS d FROM (VALUES (1, CAST('12345678901234567890123456789012345678' AS DECIMAL(38, 0)), CAST(1.5 AS DECIMAL(38, 18))), (2, CAST(1 AS DECIMAL(38, 0)), CAST(1.000000000000000001 AS DECIMAL(38, 18))), (3, CAST(2 AS DECIMAL(38, 0)), CAST(2 AS DECIMAL(38, 18)))) AS t(id, a, b);
