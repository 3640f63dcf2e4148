--- Names of instance methods: an attribute of that name would hide the method, since instances are plain
--- tables.

return require("rowan.base.check").set({
  "Model", "changed", "decrement", "destroy", "equals", "equalsOneOf", "get", "getDataValue", "increment",
  "isLoaded", "isNewRecord", "isSoftDeleted", "previous", "reload", "restore", "save", "set", "setDataValue",
  "toJSON", "update", "validate",
})
