var R=require("../../../chunks/[turbopack]_runtime.js")("server/app/items/[id]/route.js")
R.c("server/chunks/[externals]__02g_fhkwsvekf._.js")
R.c("server/chunks/[root-of-the-server]__1ecc7syynvaqs._.js")
R.c("server/chunks/1ule_recipe-edge__next-internal_server_app_items_[id]_route_actions_1ntn47r0akox5.js")
R.m(93684)
module.exports=R.m(93684).exports
