var R=require("./chunks/[turbopack]_runtime.js")("server/instrumentation.js")
R.c("server/chunks/test_integration_next_recipe-edge_1179a9zd3ebl6._.js")
R.m(81846)
module.exports=R.m(81846).exports
