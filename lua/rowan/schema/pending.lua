--- What Sequelize's definitions know and rowan does not do yet. `define` refuses these by name; a change that
--- makes one of them work takes its name out of here.

return {
  -- options of a model
  model = {
    validate = true, omitNull = true,
  },
  -- options of an attribute
  attribute = { get = true, set = true, validate = true },
  -- types, by key
  type = { VIRTUAL = true },
}
