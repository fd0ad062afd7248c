-- probe: NaN and infinities in sums and extremes
SELECT k, SUM(d) AS s, AVG(d) AS a, MIN(d) AS lo, MAX(d) AS hi, COUNT(DISTINCT d) AS c FROM (VALUES ('a', 1.0e0), ('a', CAST('NaN' AS DOUBLE)), ('a', 2.0e0), ('b', CAST('Infinity' AS DOUBLE)), ('b', CAST('-Infinity' AS DOUBLE)), ('c', CAST('NaN' AS DOUBLE)), ('c', 3.0e0)) AS t(k, d) GROUP BY k;
