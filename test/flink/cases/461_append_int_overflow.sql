-- probe: sums that overflow their type
SELECT SUM(CAST(t AS TINYINT)) AS t, SUM(i) AS i, AVG(i) AS a, SUM(CAST(t AS SMALLINT)) AS s FROM (VALUES (100, 2000000000), (100, 2000000000)) AS t(t, i);
