-- probe: in which precision FLOATs are added
SELECT SUM(f) AS s, AVG(f) AS a FROM (VALUES (CAST(16777216 AS FLOAT)), (CAST(1 AS FLOAT)), (CAST(1 AS FLOAT))) AS t(f);
