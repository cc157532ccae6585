module.exports=[29737,(a,b,c)=>{}];

//# sourceMappingURL=1ule_recipe-edge__next-internal_server_app__global-error_page_actions_1l0wyvwnwyc7b.js.map