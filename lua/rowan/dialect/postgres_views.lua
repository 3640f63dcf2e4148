--- The views that stand on columns of a table of PostgreSQL, directly or on another view, with what makes each of them
--- anew: a column that a view takes changes its type only while the view is away. Part of dialect/postgres_catalog.

-- What makes a view as it is: itself, its owner, grants, defaults, comments, and what stands on it.
local RESTORE = [[ARRAY[format('CREATE %s %s%s AS %s%s', v.kind, v.name,
      coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''), rtrim(pg_get_viewdef(c.oid), '; '),
      CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN ' WITH NO DATA' ELSE '' END)]
    || ARRAY(SELECT format('ALTER %s %s OWNER TO %I', v.kind, v.name, pg_get_userbyid(c.relowner))
      WHERE pg_get_userbyid(c.relowner) <> current_user)
    || ARRAY(SELECT format('GRANT %s%s ON %s TO %s%s', g.privilege_type, ' (' || quote_ident(g.attname) || ')', v.name,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM (SELECT NULL AS attname, acl.* FROM aclexplode(c.relacl) AS acl
        UNION ALL SELECT a.attname, acl.* FROM pg_attribute AS a, aclexplode(a.attacl) AS acl WHERE a.attrelid = c.oid
      ) AS g WHERE g.grantee <> c.relowner)
    || ARRAY(SELECT format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', v.name, a.attname,
        pg_get_expr(d.adbin, d.adrelid))
      FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      WHERE d.adrelid = c.oid)
    || ARRAY(SELECT CASE d.objsubid WHEN 0 THEN format('COMMENT ON %s %s IS %L', v.kind, v.name, d.description)
        ELSE format('COMMENT ON COLUMN %s.%I IS %L', v.name, a.attname, d.description) END
      FROM pg_description AS d LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
      WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid)
    || ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i WHERE i.indrelid = c.oid)
    || ARRAY(SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    || ARRAY(SELECT pg_get_ruledef(r.oid) FROM pg_rewrite AS r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')]]

---The statement; its lists are the schema, the table and the columns. Each row has `name`, `drop` and `restore`, first those
---that others stand on.
return [[WITH RECURSIVE found (id, depth) AS (
    SELECT r.ev_class, 1
    FROM pg_class AS t
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid
    JOIN pg_depend AS d ON d.refobjid = t.oid AND d.refobjsubid = a.attnum AND d.refclassid = 'pg_class'::regclass
      AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> t.oid
    WHERE n.nspname = ANY ($1::text[]) AND t.relname = ANY ($2::text[]) AND a.attname = ANY ($3::text[])
    UNION
    SELECT r.ev_class, f.depth + 1
    FROM found AS f
    JOIN pg_depend AS d ON d.refobjid = f.id AND d.refclassid = 'pg_class'::regclass
      AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> f.id
  )
  SELECT v.name AS name, format('DROP %s %s', v.kind, v.name) AS "drop", ]] .. RESTORE .. [[ AS restore
  FROM (SELECT id, max(depth) AS depth FROM found GROUP BY id) AS o
  JOIN pg_class AS c ON c.oid = o.id AND c.relkind IN ('v', 'm')
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS name,
    CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind) AS v
  ORDER BY o.depth, c.oid]]
