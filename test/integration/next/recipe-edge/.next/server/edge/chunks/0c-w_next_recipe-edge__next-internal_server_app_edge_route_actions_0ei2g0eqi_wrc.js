(globalThis.TURBOPACK||(globalThis.TURBOPACK=[])).push(["chunks/0c-w_next_recipe-edge__next-internal_server_app_edge_route_actions_0ei2g0eqi_wrc.js",9537,(e,_,i)=>{}]);

//# sourceMappingURL=0c-w_next_recipe-edge__next-internal_server_app_edge_route_actions_0ei2g0eqi_wrc.js.map