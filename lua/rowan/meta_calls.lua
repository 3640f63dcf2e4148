---@meta _
--- What calls are told: their tables of options, for editors. See meta.

---What every call that sends something is told.
---@class rowan.SendOptions
---@field transaction? rowan.Transaction|false the one it belongs to, the current one when not given; false: none
---@field logging? boolean|fun(sql: string, ...): any
---@field benchmark? boolean the logger is also told how long it took

---What calls of models and rows are told.
---@class rowan.CallOptions: rowan.SendOptions
---@field context? any what hooks and plugins are to know of the call; rowan looks at it nowhere

---One entry of `include`.
---@class rowan.IncludeOptions
---@field association? string|rowan.Association its alias
---@field as? string its alias
---@field model? rowan.Model the target, where one association leads to it
---@field attributes? any as in a finder
---@field where? any conditions of its rows; rows without such a one are left out unless required = false
---@field on? any instead of the keys
---@field required? boolean rows without one are left out
---@field or? boolean rows that the keys find, and those that `where` finds
---@field right? boolean its rows without a parent come too
---@field separate? boolean strategy = "select"
---@field strategy? "join"|"select"
---@field order? any
---@field limit? integer for each parent
---@field offset? integer
---@field through? table belongsToMany: where, attributes, as, paranoid of the model between
---@field include? any associations of its own
---@field all? boolean|string|string[] every association, or those of a kind
---@field nested? boolean with all: theirs too
---@field scope? any
---@field paranoid? boolean false: those that were deleted softly too

---@class rowan.TransactionOptions
---@field isolationLevel? "READ UNCOMMITTED"|"READ COMMITTED"|"REPEATABLE READ"|"SERIALIZABLE"
---@field readOnly? boolean
---@field type? "DEFERRED"|"IMMEDIATE"|"EXCLUSIVE" SQLite
---@field constraintChecking? "DEFERRED"|"IMMEDIATE" when constraints that may wait are looked at
---@field nestMode? "savepoint"|"reuse"|"separate" what one within another is; "savepoint"
---@field transaction? rowan.Transaction|false the one around it
---@field logging? any

---What finders are told.
---@class rowan.FinderOptions: rowan.CallOptions
---@field where? any conditions; rowan.all for every row
---@field attributes? table names, { name or expression, alias }, or { include =, exclude = }
---@field include? any associations to load
---@field order? any names, aliases, expressions, { associations..., name, direction }
---@field limit? integer
---@field offset? integer
---@field group? any names, aliases, "alias.attribute" of includes, expressions
---@field having? any conditions on groups, over aliases and names
---@field distinct? boolean equal rows once
---@field lock? boolean|string|table true, "UPDATE", "SHARE", "KEY SHARE", "NO KEY UPDATE", { level =, of = }
---@field skipLocked? boolean
---@field noWait? boolean
---@field raw? boolean plain tables
---@field nest? boolean keys of raw rows with points as tables in tables
---@field plain? boolean the first row alone
---@field rejectOnEmpty? boolean|rowan.ErrorClass|rowan.Error raised when nothing is found
---@field comment? string|table<string, string> behind the statement, for logs
---@field searchPath? string|string[] schemas of PostgreSQL that tables are looked for in
---@field paranoid? boolean false: rows that were deleted softly too
---@field with? table named queries, in front of the statement
---@field withRecursive? table
---@field explain? boolean|table its plan instead of its rows
---@field hooks? boolean false: none run

---What count, sum, min, max, aggregate and exists are told.
---@class rowan.AggregateOptions: rowan.CallOptions
---@field where? any
---@field include? any associations, which filter; or whose columns are aggregated
---@field distinct? boolean equal values once
---@field col? string of count: the attribute whose values are counted
---@field countGroupedRows? boolean of count with group: the number of groups
---@field dataType? rowan.Type what the value is read as
---@field group? any as in a finder: the result is a list of rows
---@field having? any
---@field attributes? table further values of each group
---@field order? any
---@field limit? integer
---@field offset? integer
---@field comment? string|table<string, string>
---@field searchPath? string|string[]
---@field paranoid? boolean
---@field hooks? boolean false: none run

---What each and stream are told beside a finder's options.
---@class rowan.BatchOptions
---@field batch? integer rows read at a time; 500

---What paginate is told beside a finder's options.
---@class rowan.PageOptions
---@field page? integer which page, from 1
---@field perPage? integer rows of a page; 25
---@field first? integer by cursor: so many rows behind `after`
---@field after? string a cursor: page.endCursor
---@field last? integer by cursor: so many rows in front of `before`
---@field before? string a cursor: page.startCursor
---@field total? boolean by cursor: count all rows too

---@class rowan.BuildOptions
---@field include? any associations whose rows are among the values
---@field raw? boolean past setters
---@field isNewRecord? boolean false: the row is known to be stored

---What create is told.
---@class rowan.CreateOptions: rowan.CallOptions
---@field include? any associations whose rows are among the values, and are stored too
---@field fields? string[] the only attributes that are written
---@field ignoreDuplicates? boolean nothing is stored where a row with the same key is there
---@field returning? boolean|string[] what the database made of the values is read back
---@field silent? boolean timestamps are those that are given
---@field omitNull? boolean attributes that are NULL are not written; false: they are, whatever the model says
---@field hooks? boolean false: none run
---@field validate? boolean false passes validators by; true makes bulkCreate run them

---@class rowan.BulkCreateOptions: rowan.CreateOptions
---@field updateOnDuplicate? boolean|string[] stored rows with the same key are updated: these attributes of them
---@field conflictAttributes? string[] which key is meant
---@field conflictWhere? table the condition of its partial index
---@field individualHooks? boolean those of each row run

---@class rowan.UpsertOptions: rowan.CallOptions
---@field conflictFields? string|string[] the key; the primary key, or the first unique one that is given
---@field conflictWhere? table of a partial index
---@field fields? string[] what an update changes
---@field returning? boolean|string[]
---@field silent? boolean updatedAt stays
---@field omitNull? boolean attributes that are NULL are not written
---@field validate? boolean
---@field hooks? boolean false: none run

---@class rowan.UpdateOptions: rowan.CallOptions
---@field where? any rowan.all for every row
---@field fields? string[] the only attributes that are written
---@field limit? integer
---@field order? any
---@field individualHooks? boolean those of each row run
---@field validate? boolean
---@field hooks? boolean false: none run
---@field returning? boolean|string[] the changed rows too
---@field silent? boolean updatedAt stays
---@field omitNull? boolean attributes that are NULL are not written, but for keys of associations

---@class rowan.BulkUpdateOptions: rowan.SendOptions
---@field key? string|string[] the primary key, or a unique one
---@field fields? string[] the only attributes that are set
---@field returning? boolean the changed rows too
---@field strict? boolean a row that is not stored is an error
---@field silent? boolean updatedAt stays
---@field validate? boolean

---@class rowan.BulkDestroyOptions: rowan.CallOptions
---@field where? any rowan.all for every row
---@field limit? integer
---@field order? any
---@field force? boolean of a paranoid model: for good
---@field individualHooks? boolean those of each row run
---@field hooks? boolean false: none run

---@class rowan.IncrementOptions: rowan.CallOptions
---@field where? any of a model's rows; rowan.all for every row
---@field by? number 1
---@field limit? integer
---@field order? any
---@field returning? boolean|string[] of a model: the changed rows too
---@field silent? boolean updatedAt stays

---@class rowan.SaveOptions: rowan.CallOptions
---@field fields? string[] the only attributes that are written
---@field silent? boolean updatedAt stays
---@field validate? boolean
---@field skip? string[] attributes that are not validated
---@field omitNull? boolean attributes that are NULL are not written
---@field hooks? boolean false: none run

---@class rowan.DestroyOptions: rowan.CallOptions
---@field force? boolean of a paranoid model: for good
---@field silent? boolean of a paranoid model: updatedAt stays
---@field hooks? boolean false: none run

---What exists is told.
---@class rowan.ExistsOptions: rowan.CallOptions
---@field where? any
---@field include? any associations, which filter
---@field comment? string|table<string, string>
---@field searchPath? string|string[]
---@field paranoid? boolean
---@field hooks? boolean false: none run

---What findOrCreate, findCreateFind and findOrBuild are told.
---@class rowan.FindOrOptions: rowan.CallOptions
---@field where? table which row is meant
---@field defaults? table<string, any> further values of a new one
---@field include? any of findOrBuild: read with the row, or built out of `defaults`
---@field hooks? boolean false: none run

---@class rowan.InsertFromOptions: rowan.SendOptions
---@field ignoreDuplicates? boolean rows whose key is there are skipped

---@class rowan.CopyOptions: rowan.SendOptions
---@field fields? string[] the only attributes that are written
---@field batch? integer rows at a time; 500
---@field progress? fun(count: integer) called behind each batch with the rows so far
---@field validate? boolean

---@class rowan.RestoreOptions: rowan.CallOptions
---@field where? any rowan.all for every row
---@field limit? integer
---@field order? any
---@field hooks? boolean false: none run
---@field individualHooks? boolean those of each row run

---@class rowan.TruncateOptions: rowan.SendOptions
---@field cascade? boolean tables whose rows point at these are emptied too
---@field restartIdentity? boolean generated keys begin anew

---@class rowan.SyncOptions: rowan.SendOptions
---@field force? boolean what is there is dropped first
---@field alter? boolean|{ drop?: boolean } what is there is made as the models say
---@field dryRun? boolean nothing is sent
---@field match? string a Lua pattern for the database's name
---@field searchPath? string|string[] PostgreSQL
---@field schema? string of tables without their own
---@field hooks? boolean false: none run

---@class rowan.DropOptions
---@field cascade? boolean what depends on the table goes too
---@field match? string a Lua pattern for the database's name
---@field transaction? rowan.Transaction|false
---@field logging? boolean|fun(sql: string, ...): any

---What row:increment is told.
---@class rowan.AddOptions: rowan.CallOptions
---@field by? number 1
---@field silent? boolean updatedAt stays

---@class rowan.RestoreRowOptions: rowan.CallOptions
---@field silent? boolean updatedAt stays
---@field hooks? boolean false: none run

---@class rowan.ReloadOptions: rowan.CallOptions
---@field include? any other associations than it was read with
---@field attributes? any these alone
---@field lock? boolean|string|table
---@field paranoid? boolean true: not when it was deleted softly
---@field hooks? boolean false: none run

---@class rowan.ValidationOptions
---@field context? any for hooks
---@field skip? string[] attributes that are not validated
---@field fields? string[] those that alone are
---@field hooks? boolean false: none run

---What getters of associations are told, beside what finders are.
---@class rowan.GetterOptions: rowan.CallOptions
---@field scope? any of the target
---@field associationLoading? "siblings"|"single"|"strict"
---@field schema? string of the target's table
---@field schemaDelimiter? string SQLite: between schema and table
---@field through? table belongsToMany: where, attributes, as, paranoid of the model between
---@field joinTableAttributes? string[] belongsToMany: attributes of the model between
---@field hooks? boolean false: none run

---What set, add and remove of associations are told.
---@class rowan.LinkCallOptions: rowan.CallOptions
---@field through? table<string, any> belongsToMany: values of the row between
---@field save? boolean belongsTo: false: the row is not saved
---@field destroyPrevious? boolean hasOne, hasMany: what is let go is deleted
---@field destroy? boolean hasMany, of remove: what is let go is deleted
---@field schema? string of the target's table
---@field schemaDelimiter? string SQLite: between schema and table
---@field hooks? boolean false: none run

---What db:query is told.
---@class rowan.QueryOptions: rowan.SendOptions
---@field replacements? table a list for `?`, a table for `:name`; a list in it becomes several placeholders
---@field bind? table a list for `$1`, a table for `$name`
---@field type? "SELECT"|"INSERT"|"UPSERT"|"UPDATE"|"BULKUPDATE"|"DELETE"|"BULKDELETE"|"RAW" what is returned: see docs/guide/sql.md
---@field model? rowan.Model rows become its instances, values of its types
---@field mapToModel? boolean columns are named as the model's fields, not as its attributes
---@field fieldMap? table<string, string> column -> field of the row
---@field instance? rowan.Instance takes in the row that the statement returns, and is the result
---@field plain? boolean the first row alone, or nil
---@field nest? boolean columns named "a.b" become tables in tables
---@field raw? boolean plain tables, also with a model
