--- Options of a model that Sequelize has and rowan does not have yet. `define` refuses these by name; a change that makes
--- one of them work takes its name out of here.

return { omitNull = true }
