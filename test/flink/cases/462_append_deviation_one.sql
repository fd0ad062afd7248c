-- probe: deviations of one value, and of none
SELECT k, STDDEV_POP(v) AS sp, STDDEV_SAMP(v) AS ss, VAR_POP(v) AS vp, VAR_SAMP(v) AS vs FROM (VALUES ('a', 1.5e0), ('b', CAST(NULL AS DOUBLE)), ('b', 2.0e0), ('b', 4.0e0)) AS t(k, v) GROUP BY k;
